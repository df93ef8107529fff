"""Drop-in queues: one waiting list for several rooms, whose doctors each take the next one when they are free.

A queue has a name among the rooms of its tenant. Whoever joins by that name waits, as in any lobby, in a room that
nobody is ever in; a host of one of the queue's rooms takes them there, which is the only way in.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bridge.room.errors import RoomError, queue_not_found
from bridge.room.grants import Entrance, Grant
from bridge.room.model import JoinRequest, Participant, room_id
from bridge.room.room import Room

MAX_ROOMS = 50
"""Of one queue."""
MAX_QUEUES = 200
"""Of one tenant."""
MAX_TAKEN = 500
"""People of one queue whose way is remembered. The oldest goes."""


@dataclass(slots=True)
class Queue:
    """One waiting list."""

    id: str
    """As of a room: "tenant/name"."""
    rooms: tuple[str, ...]
    """Ids of those that take from it."""
    taken: OrderedDict[str, str] = field(default_factory=OrderedDict, repr=False)
    """By identity: the room that somebody was taken to, for when they reload."""


@dataclass(frozen=True, slots=True)
class QueueView:
    """What hosts of a queue's rooms see of it."""

    id: str
    name: str
    waiting: tuple[Participant, ...]
    """The next one first."""


class Queues:
    """The queues of a bridge."""

    def __init__(self, rooms: Mapping[str, Room], expects: Callable[[str, str], bool]) -> None:
        """`rooms` are those that are open, by id. `expects` says of a room whether it has an identity's place."""
        self._rooms = rooms
        self._expects = expects
        self._by_id: dict[str, Queue] = {}
        self._of_room: dict[str, dict[str, None]] = {}

    def __contains__(self, queue_id: object) -> bool:
        """Whether a room's id is a queue's."""
        return queue_id in self._by_id

    def get(self, queue_id: str) -> Queue | None:
        """The queue of that id."""
        return self._by_id.get(queue_id)

    def all(self) -> Sequence[Queue]:
        """Every queue."""
        return list(self._by_id.values())

    def of_room(self, room: str) -> Sequence[Queue]:
        """Those that a room takes from."""
        return [self._by_id[each] for each in self._of_room.get(room, ())]

    def related(self, room: str) -> Iterable[str]:
        """Ids of the rooms of a queue, or of the queues of a room: who has to know when something changes there."""
        queue = self._by_id.get(room)
        return tuple(self._of_room.get(room, ())) if queue is None else queue.rooms

    def define(self, tenant: str, name: str, rooms: Sequence[str]) -> Queue:
        """Makes a queue, or changes its rooms.

        Raises `RoomError`: `invalid_room`, `invalid_queue`, `too_many_queues`.
        """
        key = room_id(tenant, name)
        ids = tuple(dict.fromkeys(room_id(tenant, each) for each in rooms))
        if not 1 <= len(ids) <= MAX_ROOMS:
            raise RoomError("invalid_queue", f"A queue has 1 to {MAX_ROOMS} rooms.", field="rooms")
        if key in ids or any(each in self._by_id for each in ids) or key in self._of_room:
            raise RoomError(
                "invalid_queue", "A queue is no room of a queue.", field="rooms", hint="Give it a name of its own."
            )
        known = self._by_id.get(key)
        if known is None and sum(each.startswith(f"{tenant}/") for each in self._by_id) >= MAX_QUEUES:
            raise RoomError("too_many_queues", f"A vendor has {MAX_QUEUES} queues at most.")
        if known is not None:
            self._unlink(known)
        queue = Queue(key, ids) if known is None else Queue(key, ids, known.taken)
        self._by_id[key] = queue
        for each in ids:
            self._of_room.setdefault(each, {})[key] = None
        return queue

    def remove(self, queue_id: str) -> None:
        """Forgets a queue that is there."""
        self._unlink(self._by_id.pop(queue_id))

    def views(self, room: str) -> tuple[QueueView, ...]:
        """Who waits in the queues that a room takes from."""
        return tuple(
            QueueView(
                queue.id,
                queue.id.partition("/")[2],
                tuple(self._rooms[queue.id].waiting()) if queue.id in self._rooms else (),
            )
            for queue in self.of_room(room)
        )

    def place_of(self, room: str, queue_id: str | None) -> Room:
        """Where those wait whom a room takes from a queue, from the only one where none is named.

        Raises `RoomError`: `queue_not_found`, `queue_empty`.
        """
        chosen = [each for each in self.of_room(room) if queue_id in (None, each.id)]
        if len(chosen) != 1:
            raise queue_not_found()
        found = self._rooms.get(chosen[0].id)
        if found is None or not len(found):
            raise RoomError("queue_empty", "Nobody waits in this queue.", field="queue_id")
        return found

    def way_from(self, queue: Queue, request: JoinRequest) -> str:
        """Id of the room for somebody who joins by a queue's name: the queue, or where they were taken to before.

        Raises `queue_is_no_room`.
        """
        if request.enters is not Entrance.LOBBY or Grant.HOST in request.grants:
            raise RoomError(
                "queue_is_no_room",
                "This is the name of a queue, in which people wait to be let in.",
                field="room",
                hint="Hosts, and whoever enters directly, join one of its rooms.",
            )
        taken = queue.taken.get(request.identity)
        if taken is None:
            return queue.id
        if self._expects(taken, request.identity):
            return taken
        del queue.taken[request.identity]
        return queue.id

    def note_taken(self, queue_id: str, identity: str, room: str) -> None:
        """Remembers where somebody was taken to."""
        queue = self._by_id.get(queue_id)
        if queue is None:
            return
        queue.taken[identity] = room
        queue.taken.move_to_end(identity)
        if len(queue.taken) > MAX_TAKEN:
            queue.taken.popitem(last=False)

    def taken_to(self, room: str) -> dict[str, str]:
        """Ids of the queues that those were taken from who were taken to a room, by their identities."""
        return {who: queue.id for queue in self.of_room(room) for who, to in queue.taken.items() if to == room}

    def _unlink(self, queue: Queue) -> None:
        for each in queue.rooms:
            del self._of_room[each][queue.id]
            if not self._of_room[each]:
                del self._of_room[each]
