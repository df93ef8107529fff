"""What the vendor that owns a room decides, of the room and of the queues that its rooms take from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bridge.room.bans import Bans
from bridge.room.errors import RoomError, participant_not_found, queue_not_found
from bridge.room.keeping import Keeping
from bridge.room.model import EndReason, room_id
from bridge.room.moderation import Access
from bridge.room.queues import Queue, Queues
from bridge.room.room import Room


class Owner:
    """The vendor's part of `Rooms`: whose room it is, is asked before."""

    def __init__(
        self,
        access: Access,
        queues: Queues,
        keeping: Keeping,
        bans: Bans,
        clock: Callable[[], float],
        close: Callable[[Room, EndReason], None],
    ) -> None:
        """`close` takes a room off the list of those that are open."""
        self._access = access
        self._queues = queues
        self._keeping = keeping
        self._bans = bans
        self._clock = clock
        self._close = close

    def define_queue(self, tenant: str, name: str, rooms: Sequence[str]) -> Queue:
        """Makes a queue for these rooms, or changes its rooms.

        Raises `RoomError`: as `Queues.define` does, and `room_in_use` while a room of its name is open.
        """
        key = room_id(tenant, name)
        if self._access.look_up(key) is not None and key not in self._queues:
            raise RoomError("room_in_use", "A room of this name is open.", field="queue", hint="Take another name.")
        queue = self._queues.define(tenant, name, rooms)
        self._access.finish()
        return queue

    def remove_queue(self, queue_id: str) -> None:
        """Ends a queue, and the wait of everyone in it. Raises `RoomError` (`queue_not_found`)."""
        place = self._access.look_up(queue_id)
        if queue_id not in self._queues:
            raise queue_not_found()
        if place is not None:
            self.end_room(queue_id)
            self._close(place, EndReason.ENDED)
        self._keeping.forget(queue_id)
        self._queues.remove(queue_id)
        self._access.finish()

    def end_room(self, room: str) -> None:
        """Ends a call for everyone, those in the lobby too. Raises `RoomError` (`room_not_found`)."""
        found = self._find(room)
        found.outcome = EndReason.ENDED
        for member in list(found.members.values()):
            found.end_member(member, EndReason.ENDED, self._clock())
        found.forget_places()
        self._access.finish()

    def remove_participant(self, room: str, participant_id: str) -> None:
        """Takes someone out, in the room or in the lobby, and lets none of their tokens in again.

        Raises `RoomError`: `room_not_found`, `participant_not_found`.
        """
        found = self._find(room)
        member = found.members.get(participant_id)
        if member is None:
            raise participant_not_found()
        found.expel(member, self._bans, self._clock())
        self._access.finish()

    def _find(self, room: str) -> Room:
        found = self._access.look_up(room)
        if found is None:
            raise RoomError("room_not_found", "There is no such room now.", field="room")
        return found
