"""How Hypothesis searches in these tests: never against the clock, and the same way every time; and
that programs which are started here can be interrupted.

HYPOTHESIS_PROFILE=thorough lets it search at random, and twenty times as long.
"""

from typing import Final

from hypothesis import HealthCheck, settings

from conformance.target.interrupts import let_interrupts_through
from tests.budget import PROFILE

# Tests interrupt what they launch, even where they run in a shell's background.
let_interrupts_through()

# A busy machine is no fault of a test's, so nothing here is judged by its speed.
_LENIENT: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("usual", _LENIENT, max_examples=50, derandomize=True)
settings.register_profile("thorough", _LENIENT, max_examples=1_000)
settings.load_profile(PROFILE)
