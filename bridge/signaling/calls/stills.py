"""Tells those whom a still picture concerns: the owner of the camera, whoever asked, and nobody else."""

from __future__ import annotations

from collections.abc import Callable

from bridge.room import RoomEvent, StillAsked, StillEnded, StillReady
from bridge.signaling.calls.notices import Notice, StillNotice, StillOver

STILL_BYTES_LIMIT = 4 * 1024 * 1024
"""Bytes of one picture."""


class StillNotices:
    """A room listener that passes on what becomes of the pictures that are asked for."""

    def __init__(self, tell: Callable[[str, Notice], None]) -> None:
        """`tell(session_id, notice)` passes a notice to a session, if it is there."""
        self._tell = tell

    def __call__(self, event: RoomEvent) -> None:
        """Draws the conclusion from an event."""
        match event:
            case StillAsked(request=request):
                self._tell(request.of_session, StillNotice(request))
            case StillReady(request=request):
                self._tell(request.by_session, StillNotice(request))
            case StillEnded(request=request, reason=reason):
                for session_id in (request.by_session, request.of_session):
                    self._tell(session_id, StillOver(request.id, reason))
            case _:
                pass
