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
    watch.on_sampled({1: stats(12)})
    watch.on_sampled({0: stats(), 1: stats(12)})
    assert told(events) == [
        ("workers_missing", "", {"missing": "1", "of": "2"}),
        ("leg_refused", "", {}),
        ("kernel_drops", "", {"worker": "1"}),
        ("workers_complete", "", {"workers": "2"}),
    ]
    assert [event["count"] for event in events.since(0)[1]] == [1, 3, 12, 1]


def test_what_grows_by_another_number_each_time_hides_nothing() -> None:
    events = OperatorEvents()
    events.note("session_lost", "warning")
    watch = Watch(events, Legs(), 8)
    drops = 0
    for more in range(1, 300):
        drops += more
        watch.on_sampled({worker: stats(drops) for worker in range(8)})
    told = events.since(0)[1]
    assert told[0]["kind"] == "session_lost"
    assert [event["count"] for event in told[1:]] == [drops] * 8
