"""What a bridge leaves to the one after it, should it be killed, and what that one makes of it.

The bridge after it opens no room by itself: whoever comes back finds it as it was, for as long as a place is kept for
those who left. The time in which no bridge runs does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bridge.room.appointments import ClosingTimes
from bridge.room.bans import Ban, Bans
from bridge.room.kept import KeptPlace, KeptRoom
from bridge.room.queues import Queues
from bridge.room.room import Room


class Keeping:
    """The rooms of another bridge until they are opened anew, and those that are open as values to be kept."""

    def __init__(
        self,
        rooms: Mapping[str, Room],
        queues: Queues,
        closing: ClosingTimes,
        bans: Bans,
        clock: Callable[[], float],
        reentry: float,
    ) -> None:
        """`rooms` are those that are open, by id; `reentry` is how long places are kept, in seconds."""
        self._open = rooms
        self._queues = queues
        self._closing = closing
        self._bans = bans
        self._clock = clock
        self._reentry = reentry
        self._left: dict[str, KeptRoom] = {}
        self._restored: set[str] = set()
        self._until = 0.0
        """When those who were cut off are waited for no longer."""

    def kept(self, room_id: str) -> KeptRoom | None:
        """What is to outlive this bridge of a room; None where none is open."""
        room = self._open.get(room_id)
        if room is None:
            return None
        taken = self._queues.taken_to(room_id)
        away = (
            KeptPlace(who, each.rank, each.until, each.admitted_until, each.held_back, tokens=dict(each.tokens))
            for who, each in room.places.items(self._clock())
        )
        here = (member.kept() for member in room.members.values() if not member.service)
        return KeptRoom(
            room_id,
            room.tenant,
            room.state.locked,
            room.state.video_consent,
            self._closing.latest(room_id),
            frozenset(room.handed),
            frozenset(room.invited),
            tuple(replace(place, by_queue=taken.get(place.identity)) for place in (*away, *here)),
        )

    def recover(self, rooms: Sequence[KeptRoom], bans: Sequence[Ban]) -> None:
        """Goes on from what another bridge has left, before anybody joins."""
        now = self._clock()
        self._until = now + self._reentry
        for ban in bans:
            self._bans.add(ban, now)
        # Whoever comes to this bridge first stands behind all who stood before the other one.
        behind = max((place.rank for room in rooms for place in room.places), default=0) + 1
        for room in rooms:
            if room.closes_at is not None and room.closes_at <= now:
                continue
            places = [place.left(now, self._reentry) for place in room.places]
            self._left[room.id] = replace(
                room, places=tuple(replace(place, rank=place.rank - behind) for place in places)
            )
            for place in places:
                if place.by_queue is not None:
                    self._queues.note_taken(place.by_queue, place.identity, room.id)

    # For `Rooms`

    def expects(self, room_id: str, identity: str) -> bool:
        """Whether somebody is in a room, or has a place there, also where nobody has come back to it yet."""
        room, now = self._open.get(room_id), self._clock()
        if room is not None:
            return room.expects(identity, now)
        left = self._left.get(room_id)
        if left is None or now >= self._until:
            return False
        return any(each.identity == identity and each.until is not None and each.until > now for each in left.places)

    def restore(self, room: Room) -> None:
        """A room is opened, which goes on from what was left of it, if anything was."""
        left = self._left.pop(room.id, None)
        if left is None or self._clock() >= self._until:
            return
        self._restored.add(room.id)
        self._closing.limit(room.id, left.closes_at)
        room.handed, room.invited = set(left.handed), set(left.invited)
        room.video_consent.needed = left.video_consent or room.video_consent.needed
        room.state = replace(room.state, locked=left.locked, video_consent=room.video_consent.needed)
        for place in left.places:
            room.places.keep(place.identity, place.place())

    def holds(self, room_id: str) -> bool:
        """Whether those are still waited for who were in a room that is empty now."""
        return room_id in self._restored and self._clock() < self._until

    def forget(self, room_id: str) -> None:
        """The room is over."""
        self._left.pop(room_id, None)
        self._restored.discard(room_id)
