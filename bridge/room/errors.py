"""What a room refuses, and the codes it does so with."""

from __future__ import annotations

from bridge.errors import BridgeError


class RoomError(BridgeError):
    """A room's refusal. Nothing has changed when it is raised.

    Codes: `invalid_room`, `room_full`, `too_many_rooms`, `room_not_found`, `session_not_found`, `source_not_found`,
    `too_many_sources`, `wrong_kind`, `not_granted`, `shutting_down`.
    """
