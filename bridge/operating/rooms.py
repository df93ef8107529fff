"""The rooms there are, for operators: ids and counts, and nobody's name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bridge.operating.head_count import HeadCount
from bridge.room import Rooms
from bridge.sfu import LegReport

MAX_SHOWN = 100
"""Rooms that a page gets at a time, and legs. Whoever wants another room looks for its id."""

_OF_LEG = ("kind", "source", "target", "reason", "receivers", "restarts")

LegsOf = Callable[[str], list[dict[str, Any]]]
"""The legs of a room by its id, as `described_leg` gives them."""


class RoomList:
    """Reads rooms as they are now."""

    def __init__(self, rooms: Rooms, head_count: HeadCount, legs_of: LegsOf, opened_at: Mapping[str, float]) -> None:
        """`opened_at`: when each room was opened, by its id, in seconds since the epoch."""
        self._rooms = rooms
        self._head_count = head_count
        self._legs_of = legs_of
        self._opened_at = opened_at

    def all(self) -> list[dict[str, Any]]:
        """What `bridge rooms` shows."""
        return [{**self._counted(room_id), "legs": self._legs_of(room_id)} for room_id in self._rooms.room_ids()]

    def newest(self, find: str) -> tuple[int, list[dict[str, Any]]]:
        """How many rooms have `find` in their id, and the newest of them."""
        found = [room_id for room_id in reversed(self._rooms.room_ids()) if find in room_id]
        return len(found), [self._row(room_id) for room_id in found[:MAX_SHOWN]]

    def legs(self) -> Iterator[dict[str, Any]]:
        """Every leg with its room and its state: one that has not told of itself yet is starting."""
        for room_id in self._rooms.room_ids():
            for leg in self._legs_of(room_id):
                state = "paused" if leg.get("paused") else "running" if "errors" in leg else "starting"
                yield {"room": room_id, "state": state, **{name: leg[name] for name in _OF_LEG}}

    def _row(self, room_id: str) -> dict[str, Any]:
        return {
            **self._counted(room_id),
            "opened_at": self._opened_at.get(room_id),
            "legs": len(self._legs_of(room_id)),
            "queue": room_id in self._rooms.queues,
            "recording": self._rooms.state(room_id).recording.value,
        }

    def _counted(self, room_id: str) -> dict[str, Any]:
        participants, test_legs = self._head_count.in_room(room_id)
        return {
            "room": room_id,
            "participants": len(participants),
            "test_legs": len(test_legs),
            "waiting": len(self._rooms.waiting(room_id)),
            "connected": sum(participant.connected for participant in participants),
            "sources": sum(len(participant.sources) for participant in (*participants, *test_legs)),
        }


def described_leg(leg: LegReport) -> dict[str, Any]:
    """A leg as operators see it."""
    return {
        "kind": leg.kind,
        "source": leg.source,
        "target": leg.target,
        "reason": leg.reason,
        "receivers": leg.receivers,
        "restarts": leg.restarts,
        **leg.stats,
    }
