"""Events for operators: the latest few hundred, counted where they repeat, and without what is private."""

from __future__ import annotations

import logging

from bridge.observability import EventLogHandler, OperatorEvents
from bridge.observability.operator_events import MAX_EVENTS


def test_whoever_asks_again_is_told_what_is_new_or_was_counted_again() -> None:
    now = [100.0]
    events = OperatorEvents(lambda: now[0])
    events.note("room_opened", room="a/b")
    revision, told = events.since(0)
    assert [(event["kind"], event["room"], event["count"]) for event in told] == [("room_opened", "a/b", 1)]
    assert events.since(revision) == (revision, [])
    now[0] = 101.0
    events.note("leg_refused", "warning", times=4)
    events.note("room_opened", room="a/b")
    _, told = events.since(revision)
    assert [(event["kind"], event["count"], event["first_at"], event["at"]) for event in told] == [
        ("room_opened", 2, 100.0, 101.0),
        ("leg_refused", 4, 101.0, 101.0),
    ]


def test_they_are_bounded() -> None:
    events = OperatorEvents()
    for number in range(MAX_EVENTS + 50):
        events.note("room_opened", room=f"a/{number}", details={"text": "x" * 1000})
    _, told = events.since(0)
    assert len(told) == MAX_EVENTS
    assert told[0]["room"] == "a/50"
    assert len(told[0]["details"]["text"]) == 200


def test_rooms_that_come_and_go_push_no_trouble_out_and_trouble_no_rooms() -> None:
    events = OperatorEvents()
    events.note("session_lost", "warning", room="a/b")
    for number in range(MAX_EVENTS + 50):
        events.note("room_opened", room=f"a/{number}")
        events.note("log", "error", details={"message": number})
    told = events.since(0)[1]
    assert [event["id"] for event in told] == sorted(event["id"] for event in told)
    assert [sum((event["severity"] == "info") is info for event in told) for info in (True, False)] == [MAX_EVENTS] * 2
    for number in range(MAX_EVENTS):
        events.note("room_closed", room=f"a/{number}")
    assert sum(event["kind"] == "log" for event in events.since(0)[1]) == MAX_EVENTS


def test_warnings_of_the_log_are_events_without_what_is_private() -> None:
    events = OperatorEvents()
    logger = logging.getLogger("bridge.test_operator_events")
    handler = EventLogHandler(events)
    logger.addHandler(handler)
    try:
        logger.info("Nothing")
        logger.warning(
            "Cannot reach %s", "192.0.2.1", extra={"token": "secret", "room": "a/b", "kind": "x", "severity": "y"}
        )
        logger.error("Broken by bro_0123456789ab_" + "k" * 43)
    finally:
        logger.removeHandler(handler)
    _, [warning, error] = events.since(0)
    assert error["details"]["message"] == "Broken by [redacted]"
    assert (warning["severity"], warning["room"], error["severity"]) == ("warning", "a/b", "error")
    assert warning["details"] == {
        "message": "Cannot reach [redacted]",
        "logger": "bridge.test_operator_events",
        "token": "[redacted]",
        "kind": "x",
        "severity": "y",
    }
