"""When rooms open and close, and what they came to."""

from __future__ import annotations

from dataclasses import replace

from bridge.room import (
    EndReason,
    JoinRequest,
    Metering,
    RoomClosed,
    RoomLimits,
    RoomPolicy,
    RoomRecord,
    Rooms,
    Session,
    SessionEnded,
)
from bridge.room.alarms import Alarms
from tests.room.hall import ROOM, Consultation, refused

REQUEST = JoinRequest("clinic", "time-1", "doctor", "", "fastlege", frozenset({"host"}))
POLICY = RoomPolicy(opens_before=900.0, closes_after=3600.0, max_length=43_200.0)


def join(room: Consultation, *, starts_in: float | None = None, ends_in: float | None = None) -> Session:
    return room.rooms.join(replace(REQUEST, starts_in=starts_in, ends_in=ends_in))


def test_a_room_opens_a_while_before_the_appointment_and_closes_a_while_after() -> None:
    room = Consultation(policy=POLICY)
    refused("room_not_open", lambda: join(room, starts_in=901.0, ends_in=2700.0))
    refused("room_over", lambda: join(room, starts_in=-7200.0, ends_in=-3600.0))
    assert room.rooms.room_ids() == []
    session = join(room, starts_in=900.0, ends_in=2700.0)
    room.wait(2700.0 + 3599.0)
    assert room.inside() == ["doctor"]
    room.wait(1.0)
    assert SessionEnded(ROOM, session.participant_id, session.id, EndReason.TIME_IS_UP) in room.events
    assert room.events[-1] == RoomClosed(ROOM, EndReason.TIME_IS_UP)
    assert room.rooms.poll_timeout() is None


def test_a_longer_appointment_keeps_the_room_open_but_not_for_ever() -> None:
    room = Consultation(policy=POLICY)
    join(room, ends_in=600.0)
    join(room, ends_in=7200.0)
    room.wait(7200.0)
    assert room.inside() == ["doctor"]
    join(room, ends_in=90_000.0)
    room.wait(43_200.0 - 7200.0)
    assert room.rooms.room_ids() == []


def test_alarms_fall_due_in_order_and_at_their_newest_time() -> None:
    alarms = Alarms()
    for key, at in (("a", 3.0), ("b", 2.0), ("a", 1.0), ("c", 5.0)):
        alarms.set(key, at)
    alarms.cancel("c")
    assert (alarms.next(), alarms.pop_due(0.9)) == (1.0, None)
    assert [alarms.pop_due(9.0) for _ in range(3)] == ["a", "b", None]
    for number in range(1000):
        alarms.set("a", float(number))
    assert (alarms.pop_due(9999.0), alarms.next()) == ("a", None)


def test_a_record_is_left_of_each_room_with_nothing_about_persons() -> None:
    records: list[RoomRecord] = []
    room = Consultation()
    room.rooms.add_listener(Metering(lambda: room.now, records.append))
    doctor, kari = room.join("doctor", "fastlege"), room.join("kari")
    ola = room.join("ola")
    room.wait(60.0)
    room.moderation.admit(doctor.id, [kari.participant_id])
    room.moderation.refuse(doctor.id, ola.participant_id)
    room.wait(600.0)
    room.participation.ask_to_record(kari.id, "1")
    found = room.rooms.consent(doctor.id)
    assert found is not None
    room.participation.answer_consent(doctor.id, found[0].id, True)
    room.wait(30.0)
    room.moderation.end(doctor.id)
    room.wait(10.0)
    [record] = records
    assert record == RoomRecord(
        room_id=ROOM,
        duration=700.0,
        participant_seconds=690.0 + 630.0,
        most_participants=2,
        joins={"fastlege": 1, "pasient": 1},
        waits=2,
        longest_wait=60.0,
        refused=1,
        removed=0,
        recorded_seconds=30.0,
        reason="ended",
    )
    assert "kari" not in repr(record).lower()


def test_rooms_that_close_with_the_bridge_leave_a_record_too() -> None:
    records: list[RoomRecord] = []
    now = [0.0]
    rooms = Rooms(RoomLimits(), clock=lambda: now[0])
    rooms.add_listener(Metering(lambda: now[0], records.append))
    rooms.join(REQUEST)
    now[0] = 5.0
    rooms.close()
    assert (records[0].duration, records[0].reason) == (5.0, "shutting_down")
