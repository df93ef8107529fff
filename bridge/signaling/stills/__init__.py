"""The door that still pictures go through: in from the owner of the camera, out to whoever asked, and gone."""

from bridge.signaling.stills.door import StillDoor, StillSettings

__all__ = ["StillDoor", "StillSettings"]
