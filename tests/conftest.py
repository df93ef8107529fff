"""What holds of every test."""

from hypothesis import settings

pytest_plugins = ["tests.support.places"]

# How long an example takes says something of the machine, and nothing of the bridge.
settings.register_profile("untimed", deadline=None)
if settings.get_current_profile_name() == "default":
    settings.load_profile("untimed")
