"""The media plane's front: workers, the certificate, rooms placed on workers, sessions."""

from __future__ import annotations

from bridge.sfu.session import MediaSession
from bridge.sfu.settings import MediaSettings
from bridge.sfu.types import SessionListener


class Sfu:
    """All media of this process. Make one, `start()` it on the event loop that it will live on."""

    def __init__(self, settings: MediaSettings) -> None:
        self.settings = settings

    async def start(self) -> None:
        """Starts the workers; `OSError` names the address that could not be bound."""
        raise NotImplementedError("workers are not built yet")

    async def close(self) -> None:
        """Ends all sessions and the workers. Idempotent."""
        raise NotImplementedError("workers are not built yet")

    def open_session(self, room_id: str, session_id: str, listener: SessionListener) -> MediaSession:
        """A media session for one participant of a room.

        The room's first session places the room on the least loaded worker; the others follow it there. Raises
        `session_exists`, or `media_overloaded` when no worker has place.
        """
        raise NotImplementedError("sessions are not built yet")
