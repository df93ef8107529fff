"""Whenever a bridge is killed, the next one writes what this one would have written, had it been asked to end then."""

from __future__ import annotations

from typing import Any

from hypothesis import settings

from bridge.audit import Entry
from bridge.records.interrupted import INTERRUPTED, ends
from bridge.room import Rooms, Session
from tests.records.books import Books, comparable
from tests.room.test_consultation_property import ConsultationMachine
from tests.room.test_queues_property import QueueMachine


def check(books: Books, rooms: Rooms, now: float) -> None:
    """Ends the rooms both ways."""
    running = books.running()
    left: list[Entry] = []
    for room_id, call in running.calls.items():
        inside = [each for each in running.participants.items() if each[1].room_id == room_id]
        left += ends(room_id, call, inside, round(now * 1e6))
    assert {entry.details["reason"] for entry in left} <= {INTERRUPTED}
    written = len(books.written)
    rooms.close()
    assert [comparable(entry) for entry in left] == books.ends(written)
    over = books.running()
    assert (over.calls, over.participants) == ({}, {}), "more is kept than what runs"


class InterruptedConsultation(ConsultationMachine):
    """A consultation that is written down."""

    def __init__(self) -> None:
        super().__init__()
        self.books = Books(self.room.rooms, lambda: self.room.now)
        join = self.room.join

        def joined(identity: str, role: str = "pasient", **how: Any) -> Session:
            return self.books.opened(join(identity, role, **how), identity, role)

        crash = self.room.crash

        def crashed(*, complete: bool = True) -> None:
            killed = self.room.rooms
            crash(complete=complete)
            check(self.books, killed, self.room.now)
            self.books = Books(self.room.rooms, lambda: self.room.now)

        self.room.join = joined  # type: ignore[method-assign]
        self.room.crash = crashed  # type: ignore[method-assign]

    def teardown(self) -> None:
        self.room.rooms.handle_timeout()
        check(self.books, self.room.rooms, self.room.now)
        super().teardown()


class InterruptedQueue(QueueMachine):
    """A queue that is written down."""

    def __init__(self) -> None:
        super().__init__()
        self.books = Books(self.clinic.rooms, lambda: self.clinic.now)
        join = self.clinic.join

        def joined(room: str, identity: str, role: str = "pasient") -> Session:
            return self.books.opened(join(room, identity, role), identity, role)

        crash = self.clinic.crash

        def crashed() -> None:
            killed = self.clinic.rooms
            crash()
            check(self.books, killed, self.clinic.now)
            self.books = Books(self.clinic.rooms, lambda: self.clinic.now)

        self.clinic.join = joined  # type: ignore[method-assign]
        self.clinic.crash = crashed  # type: ignore[method-assign]

    def teardown(self) -> None:
        self.clinic.rooms.handle_timeout()
        check(self.books, self.clinic.rooms, self.clinic.now)
        super().teardown()


TestInterruptedConsultation = InterruptedConsultation.TestCase
TestInterruptedConsultation.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestInterruptedQueue = InterruptedQueue.TestCase
TestInterruptedQueue.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
