"""The HTTP doors for clients that only send (WHIP, RFC 9725) or only receive (WHEP, draft-ietf-wish-whep)."""

from bridge.signaling.whip.door import WhipDoor
from bridge.signaling.whip.settings import WhipSettings

__all__ = ["WhipDoor", "WhipSettings"]
