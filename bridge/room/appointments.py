"""When a room is open: what its appointment and the policy say."""

from __future__ import annotations

from bridge.room.errors import RoomError
from bridge.room.model import JoinRequest, RoomPolicy


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
