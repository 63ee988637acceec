"""How Hypothesis searches in these tests: never against the clock, and the same way every time.

HYPOTHESIS_PROFILE=thorough lets it search at random, and twenty times as long.
"""

from typing import Final

from hypothesis import HealthCheck, settings

from tests.budget import PROFILE

# A busy machine is no fault of a test's, so nothing here is judged by its speed.
_LENIENT: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("usual", _LENIENT, max_examples=50, derandomize=True)
settings.register_profile("thorough", _LENIENT, max_examples=1_000)
settings.load_profile(PROFILE)
