"""How many people are in calls: recorders are none.

Test legs, programs that vendors start to try their clients out, are counted apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from bridge.room import Participant, Rooms


class TestLeg(Protocol):
    """What is read of `bridge.transcode.test_legs.runner.RunningTestLeg`."""

    @property
    def room_id(self) -> str:
        """Where it is."""

    @property
    def participant_id(self) -> str:
        """As the room knows it."""


class HeadCount:
    """Counts as it is asked."""

    def __init__(self, rooms: Rooms, test_legs: Callable[[], Sequence[TestLeg]]) -> None:
        """`test_legs`: those that run. They are few, and bounded."""
        self._rooms = rooms
        self._running = test_legs

    def people(self) -> int:
        """In all rooms together, their lobbies left out."""
        return self._rooms.participant_count() - self._rooms.service_count() - self.test_legs()

    def test_legs(self) -> int:
        """In all rooms together."""
        return sum(len(self.in_room(room_id)[1]) for room_id in {leg.room_id for leg in self._running()})

    def in_room(self, room_id: str) -> tuple[list[Participant], list[Participant]]:
        """The people in a room, and the test legs there."""
        programs = {leg.participant_id for leg in self._running() if leg.room_id == room_id}
        inside = [each for each in self._rooms.participants(room_id) if not each.service]
        return [each for each in inside if each.id not in programs], [each for each in inside if each.id in programs]
