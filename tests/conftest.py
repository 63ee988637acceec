"""How Hypothesis searches in these tests: at random, and never against the clock."""

from hypothesis import HealthCheck, settings

# A busy machine is no fault of a test's, so nothing here is judged by its speed.
settings.register_profile("chatproto", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("chatproto")
