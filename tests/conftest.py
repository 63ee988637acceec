"""How Hypothesis searches in these tests: at random, and never against the clock.

HYPOTHESIS_PROFILE=thorough lets it search twenty times as long.
"""

import os
from typing import Final

from hypothesis import HealthCheck, settings

# A busy machine is no fault of a test's, so nothing here is judged by its speed.
_LENIENT: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("usual", _LENIENT, max_examples=50)
settings.register_profile("thorough", _LENIENT, max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))
