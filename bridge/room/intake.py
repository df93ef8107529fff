"""Draining: the bridge takes no new calls, and those that run end in their own time."""

from __future__ import annotations

from bridge.room.errors import RoomError
from bridge.room.room import Room


class Intake:
    """Whether somebody may come in.

    While the bridge drains, a call that runs keeps whoever belongs to it: the interpreter who is let in half-way, the
    patient who reloads. What does not begin is a call, and the wait in a drop-in queue, which never ends by itself.
    """

    def __init__(self) -> None:
        self.draining = False

    def check(self, room: Room | None, *, expected: bool) -> None:
        """Raises `RoomError` (`draining`) for who would begin something. `room` is None where none is open.

        `expected`: whoever it is, is there or has a place there.
        """
        if not self.draining or expected:
            return
        if room is not None and len(room) and not room.is_queue:
            return
        raise RoomError(
            "draining",
            "The bridge takes no new calls at the moment; those that run go on.",
            hint="Try again in a while, or at another bridge.",
        )
