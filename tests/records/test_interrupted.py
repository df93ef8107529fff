"""What is kept of a call while it runs, and what is made of it when the bridge could not end it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from bridge.audit import AuditReader, AuditStore, Entry, Row, SealingKey, verify
from bridge.records import Pulse, RecordReader, RecordStore, RunningStore, end_interrupted, interrupted
from bridge.records.store import Record
from bridge.room import DEFAULT_ROLES, Direction, JoinRequest, Session
from bridge.storage import Database, Place, StorageError
from bridge.webhooks import Outbox
from tests.records.books import Books
from tests.room.hall import Consultation
from tests.support.patience import PATIENCE
from tests.support.places import Places


class Life:
    """One life of a bridge: from its start to when it is killed."""

    def __init__(self, data: Path, place: Place, now: float = 1000.0) -> None:
        self.place = place
        self.hall = Consultation()
        self.hall.now = now
        self.books = Books(self.hall.rooms, lambda: self.hall.now)
        self.outbox = Outbox(place, ["clinic"], [])
        self.records, self.running = RecordStore(place), RunningStore(place)
        self.key = SealingKey.load(data)
        self.set_back = 0.0
        self.log = AuditStore(
            data, place, self.key, companion=self.write_along, clock=lambda: self.hall.now - self.set_back
        )
        for store in (self.outbox, self.records, self.running):
            store.open()
        self._written = 0

    def write_along(self, database: Database, rows: Sequence[tuple[Row, Entry]]) -> None:
        self.outbox.add(database, rows)
        self.records.add(database, rows)
        self.running.follow(database, rows)

    def join(self, identity: str, role: str, room: str = "time-1", door: str = "websocket") -> Session:
        rule, way = DEFAULT_ROLES[role], {"whip": Direction.PUBLISH, "whep": Direction.SUBSCRIBE}
        session = self.hall.rooms.join(
            JoinRequest(
                *("clinic", room, identity, identity.title(), role, rule.grants, way.get(door, Direction.BOTH)),
                enters=rule.enters,
            )
        )
        return self.books.opened(session, identity, role, door)

    def write(self) -> None:
        """Takes what has happened to the log, as is done every few milliseconds."""
        new = [entry for _, entry in self.books.written[self._written :]]
        self._written = len(self.books.written)
        self.log.append(new)

    def kill(self) -> None:
        for each in (self.log, self.outbox, self.records, self.running):
            each.close()

    def end_interrupted(self) -> int:
        return end_interrupted(self.running, self.log)

    def told(self, room: str) -> list[str]:
        return [event.body for event in self.outbox.read("clinic", None, 99, room, None)]

    def kept(self) -> list[Record]:
        reader = RecordReader(self.records.database)
        return reader.page("clinic", None, 99, room=None, kind=None, since=None, until=None)

    def rows(self) -> int:
        database = self.place.connect()
        found = database.execute("SELECT count(*) FROM running").rows[0][0]
        database.close()
        return int(found)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def place(places: Places, tmp_path: Path) -> Place:
    return places.node(tmp_path)


def a_call(life: Life) -> None:
    """A doctor for two minutes and on, a patient who waited for one of them, and NAV by a vendor's two sessions."""
    doctor = life.join("doctor", "fastlege")
    life.join("kari", "pasient")
    life.write()
    life.hall.wait(60.0)
    life.hall.moderation.admit(doctor.id)
    life.hall.moderation.admit(doctor.id, [life.join("nav", "nav", door="whip").participant_id])
    life.join("nav", "nav", door="whep")
    life.hall.rooms.leave(life.join("ola", "spesialist").id)
    life.write()
    life.hall.wait(60.0)


def test_a_call_that_was_cut_off_is_written_down_until_the_last_sign_of_life(data: Path, place: Place) -> None:
    life = Life(data, place)
    a_call(life)
    life.running.beat(round(life.hall.now * 1e6))
    life.kill()
    for later in (10_000.0, 20_000.0):
        life = Life(data, place, later)
        assert life.end_interrupted() == (1 if later == 10_000.0 else 0)
        ola, *sessions, call = life.kept()
        assert [(each["role"], each["door"], each["seconds"], each["waited_seconds"]) for each in sessions] == [
            ("fastlege", "websocket", 120.0, 0.0),
            ("pasient", "websocket", 60.0, 60.0),
            ("nav", "whip", 60.0, 0.0),
            ("nav", "whep", 60.0, 0.0),
        ]
        expected = {
            "call": ola["call"],
            "reason": "interrupted",
            "started": "1970-01-01T00:16:40Z",
            "ended": "1970-01-01T00:18:40Z",
            "seconds": 120.0,
            "sessions": 5,
            "participant_minutes": 4.0,
            "most_participants": 4,
            "joins": "fastlege:1,nav:1,pasient:1,spesialist:1",
            "longest_wait_seconds": 60.0,
        }
        assert {name: call[name] for name in expected} == expected
        assert {each["ended"] for each in sessions} == {call["ended"]}
        told = [each for each in life.told("time-1") if '"interrupted"' in each]
        assert [each.split('"')[3] for each in told] == [
            *("session.ended", "participant.left") * 2,
            *("session.ended", "session.ended", "participant.left", "room.ended", "call.ended"),
        ]
        assert life.rows() == 0
        life.kill()
    reader = AuditReader(place)
    assert verify(reader, life.key.checker).findings == ()
    reader.close()


def test_an_end_that_is_cut_off_itself_is_gone_on_with(
    data: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = Life(data, place)
    for room in ("one", "two", "three"):
        life.join("doctor", "fastlege", room)
    life.write()
    life.kill()
    monkeypatch.setattr(interrupted, "MAX_COMMIT", 1)
    life = Life(data, place)
    add = life.records.add

    def fails(database: Database, rows: Sequence[tuple[Row, Entry]]) -> None:
        add(database, rows)
        if any(row.room == "two" for row, _ in rows):
            raise StorageError("gone")

    monkeypatch.setattr(life.records, "add", fails)
    with pytest.raises(StorageError):
        life.end_interrupted()
    assert ([each["room"] for each in life.kept()], life.rows()) == (["one", "one"], 4)
    life.kill()
    life = Life(data, place)
    assert life.end_interrupted() == 2
    assert [each["room"] for each in life.kept()] == ["one", "one", "two", "two", "three", "three"]
    assert [len(life.told(room)) for room in ("one", "two", "three")] == [6, 6, 6]
    life.kill()


def test_without_a_later_sign_of_life_it_ran_until_what_is_written_of_it(data: Path, place: Place) -> None:
    life = Life(data, place)
    # Of an earlier call.
    life.running.beat(1)
    life.join("doctor", "fastlege")
    life.write()
    life.hall.wait(30.0)
    life.join("kari", "pasient")
    life.write()
    life.kill()
    life = Life(data, place, 5000.0)
    assert life.end_interrupted() == 1
    assert [each["seconds"] for each in life.kept()] == [30.0, 0.0, 30.0]
    life.kill()


def test_a_room_whose_end_is_written_lacks_only_what_the_call_came_to(data: Path, place: Place) -> None:
    life = Life(data, place)
    life.hall.moderation.end(life.join("doctor", "fastlege").id)
    life.write()
    life.hall.wait(10.0)
    last = life.books.written.pop()
    assert last[1].kind == "call_ended"
    life.write()
    life.kill()
    life = Life(data, place, 5000.0)
    assert life.end_interrupted() == 1
    call = life.kept()[-1]
    assert (call["record"], call["call"], call["seconds"], call["reason"]) == (
        *("call", last[1].details["call"], last[1].details["seconds"]),
        "ended",
    )
    assert [each.split('"')[3] for each in life.told("time-1")].count("room.ended") == 1
    life.kill()


def test_a_room_whose_beginning_is_lost_is_left_out(data: Path, place: Place) -> None:
    life = Life(data, place)
    life.join("doctor", "fastlege")
    life.books.written.pop(0)
    life.write()
    assert life.rows() == 0
    life.kill()


def test_a_clock_that_is_set_back_takes_no_time_from_anybody(data: Path, place: Place) -> None:
    life = Life(data, place)
    life.hall.rooms.owner.define_queue("clinic", "dropin", ["time-1"])
    life.join("kari", "pasient", "dropin")
    life.write()
    life.hall.wait(60.0)
    life.join("ola", "pasient", "dropin")
    life.write()
    life.set_back = 500.0
    doctor = life.join("doctor", "fastlege")
    life.hall.moderation.take(doctor.id)
    life.write()
    life.kill()
    life = Life(data, place)
    assert life.end_interrupted() == 2
    assert [(each["record"], each["room"], each["seconds"], each.get("waited_seconds")) for each in life.kept()] == [
        ("session", "dropin", 0.0, 0.0),
        ("call", "dropin", 60.0, None),
        ("session", "time-1", 0.0, 0.0),
        ("session", "time-1", 0.0, 0.0),
        ("call", "time-1", 0.0, None),
    ]
    life.kill()


def test_rows_that_cannot_be_read_keep_no_bridge_from_starting(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    life = Life(data, Places().node(data))
    life.join("doctor", "fastlege")
    life.join("kari", "pasient", "dropin")
    life.write()
    database = life.place.connect()
    database.execute("UPDATE running SET body = '{}' WHERE room = 'clinic/time-1'")
    database.close()
    assert life.end_interrupted() == 1
    assert {each["room"] for each in life.kept()} == {"dropin"}
    assert "cannot be read" in caplog.text
    caplog.clear()
    assert life.end_interrupted() == 0
    assert caplog.text == "", "told once"
    life.kill()


async def test_signs_of_life_are_given_while_there_are_rooms(data: Path) -> None:
    store, asked = RunningStore(Places().node(data)), asyncio.Event()
    store.open()
    rooms = False

    def busy() -> bool:
        nonlocal rooms
        asked.set()
        rooms = not rooms
        return not rooms

    pulse = Pulse(store, busy, interval=0.0)
    pulse.start()
    await asked.wait()
    assert store.alive() == 0
    async with asyncio.timeout(PATIENCE):
        while store.alive() == 0:
            asked.clear()
            await asked.wait()
    await pulse.stop()
    await pulse.stop()
    # A database that is gone is no news.
    store.close()
    asked.clear()
    rooms = True
    pulse.start()
    await asked.wait()
    asked.clear()
    await asked.wait()
    await pulse.stop()
