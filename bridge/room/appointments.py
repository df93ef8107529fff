"""When a room is open: what its appointment and the policy say."""

from __future__ import annotations

from bridge.room.alarms import Alarms
from bridge.room.errors import RoomError
from bridge.room.model import JoinRequest, RoomPolicy


class ClosingTimes:
    """When each room closes, with whoever is in it. Times are by the rooms' clock."""

    def __init__(self, max_length: float) -> None:
        """`max_length` is how long a room may be open at most, in seconds."""
        self._max_length = max_length
        self._due = Alarms()
        self._latest: dict[str, float] = {}
        """However often its appointment is put off, and whatever its tokens say."""
        self._appointments: dict[str, float] = {}
        """Of rooms whose tokens name times: when the last of these appointments is over."""

    def open(self, room_id: str, now: float) -> None:
        """A room opens: it closes after the longest time allowed, if no appointment ends it before."""
        self._latest[room_id] = now + self._max_length
        self._due.set(room_id, self._latest[room_id])

    def appoint(self, room_id: str, closes_at: float | None) -> None:
        """Somebody came whose appointment's room closes then (None without one): the last appointment counts."""
        if closes_at is None:
            return
        self._appointments[room_id] = max(self._appointments.get(room_id, closes_at), closes_at)
        self._due.set(room_id, min(self._appointments[room_id], self._latest[room_id]))

    def limit(self, room_id: str, closes_at: float | None) -> None:
        """The room was open before, and closes then at the latest."""
        if closes_at is not None:
            self._latest[room_id] = min(self._latest[room_id], closes_at)
            self._due.set(room_id, self._latest[room_id])

    def latest(self, room_id: str) -> float | None:
        """When a room has been open for as long as one may be; None for one that has no time to close at."""
        return self._latest.get(room_id)

    def forget(self, room_id: str) -> None:
        """The room is closed. Ignored for one that had no time to close at, as queues have none."""
        self._due.cancel(room_id)
        self._latest.pop(room_id, None)
        self._appointments.pop(room_id, None)

    def next(self) -> float | None:
        """When the first room closes."""
        return self._due.next()

    def pop_due(self, now: float) -> str | None:
        """Takes the first room that is to close, if one is. It is to be forgotten once it is closed."""
        return self._due.pop_due(now)


def check_times(request: JoinRequest, policy: RoomPolicy, now: float) -> float | None:
    """When the appointment's room closes, by the clock; None without one. Raises `room_not_open`, `room_over`."""
    if request.starts_in is not None and request.starts_in > policy.opens_before:
        minutes = policy.opens_before / 60.0
        raise RoomError("room_not_open", f"The room opens {minutes:.0f} minutes before the appointment.", field="room")
    if request.ends_in is None:
        return None
    if request.ends_in + policy.closes_after <= 0:
        raise RoomError("room_over", "The appointment is over.", field="room")
    return now + request.ends_in + policy.closes_after
