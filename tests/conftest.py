"""What all tests share: hypothesis sets no limits in seconds, which a loaded machine breaks."""

from hypothesis import HealthCheck, settings

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
