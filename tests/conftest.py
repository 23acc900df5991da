"""What all rings of tests have in common."""

from hypothesis import HealthCheck, settings

# A busy machine is no fault of what is tested, and nothing here is timed.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
