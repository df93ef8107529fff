"""What happens to rooms, workers and legs is told to operators once it has happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from bridge.observability import OperatorEvents
from bridge.operating import Watch
from bridge.room import EndReason
from tests.room.hall import ROOM, Consultation


@dataclass
class Legs:
    restarts: int = 0
    failures: int = 0
    refused: int = 0


def stats(drops: int = 0) -> Any:
    return cast(Any, {"kernel_drops": drops, "events_dropped": 0})


def told(events: OperatorEvents) -> list[tuple[str, str, dict[str, str]]]:
    return [(event["kind"], event["room"], event["details"]) for event in events.since(0)[1]]


def test_rooms_and_lost_sessions() -> None:
    events, call = OperatorEvents(), Consultation()
    watch = Watch(events, Legs(), 1, clock=lambda: 5.0)
    call.rooms.add_listener(watch)
    doctor, patient = call.call()
    assert watch.opened_at == {ROOM: 5.0}
    call.rooms.leave(patient.id, EndReason.MEDIA_LOST)
    call.rooms.leave(doctor.id)
    call.wait(20)
    assert watch.opened_at == {}
    assert told(events) == [
        ("room_opened", ROOM, {}),
        ("session_lost", ROOM, {"reason": "media_lost"}),
        ("room_closed", ROOM, {"reason": "empty"}),
    ]


def test_counters_that_grow_and_workers_that_are_missing() -> None:
    events, legs = OperatorEvents(), Legs()
    watch = Watch(events, legs, 2)
    watch.on_sampled({0: stats(), 1: stats()})
    assert told(events) == []
    legs.refused = 3
    watch.on_sampled({1: stats(7)})
    watch.on_sampled({1: stats(7)})
    watch.on_sampled({0: stats(), 1: stats(7)})
    assert told(events) == [
        ("workers_missing", "", {"missing": "1", "of": "2"}),
        ("leg_refused", "", {"more": "3"}),
        ("kernel_drops", "", {"worker": "1", "more": "7"}),
        ("workers_complete", "", {"workers": "2"}),
    ]
