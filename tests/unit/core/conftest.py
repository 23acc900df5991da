"""How hypothesis works here: by examples, not by the clock, whatever else the machine does."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "core", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("core")
