"""Rooms in a database: what was acknowledged is there for the next bridge, and a lost database breaks no call."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import BridgeError
from bridge.keeping import MARK, UNWRITTEN_BANS, RoomKeeper, RoomStore, keeper
from bridge.room import DEFAULT_ROLES, Ban, JoinRequest, KeptPlace, KeptRoom, RoomError, RoomLimits, Rooms, Session
from bridge.storage import Place, SqlitePlace
from bridge.storage.choice import NODE_FILE
from tests.support.bridge import eventually
from tests.support.places import Places

ROOM = "clinic/time-1"


class House:
    """Rooms, and what keeps them."""

    def __init__(self, place: Place, data: Path, *, reentry: float = 120.0, alive: float | None = None) -> None:
        self.data = data
        self.rooms = Rooms(RoomLimits())
        self.keeper = RoomKeeper(place, self.rooms, data / MARK, reentry)
        seen = time.time() if alive is None else alive
        self.keeper.load(lambda: round(seen * 1e6))

    def join(self, identity: str, role: str = "pasient") -> Session:
        rule = DEFAULT_ROLES[role]
        return self.rooms.join(
            JoinRequest(
                "clinic",
                "time-1",
                identity,
                "A name",
                role,
                rule.grants,
                enters=rule.enters,
                token_id=f"token of {identity}",
                token_lifetime=600.0,
            )
        )

    def call(self) -> tuple[Session, Session]:
        doctor, kari = self.join("doctor", "fastlege"), self.join("kari")
        self.rooms.moderation.admit(doctor.id)
        return doctor, kari

    def waiting(self) -> list[str]:
        return [each.identity for each in self.rooms.waiting(ROOM)]


@asynccontextmanager
async def house(
    place: Place, data: Path, *, reentry: float = 120.0, alive: float | None = None
) -> AsyncIterator[House]:
    """One that is killed at the end: nothing further is written."""
    made = House(place, data, reentry=reentry, alive=alive)
    made.keeper.start()
    try:
        yield made
    finally:
        # A process that is killed does not tell that everyone has left; this one ends with them in place.
        await made.keeper.stop()
        made.keeper.close()


def on_disk(place: Place) -> list[KeptRoom]:
    store = RoomStore(place)
    try:
        return store.rooms()[0]
    finally:
        store.close()


def test_what_was_written_is_read(places: Places, tmp_path: Path) -> None:
    place = KeptPlace("kari ☃", -3, None, 5.5, True, "clinic/dropin", {"a": 1.0, "b": 2.5})
    away = KeptPlace("ola", 4, 7.25, None)
    room = KeptRoom(ROOM, "clinic", True, True, 9.5, frozenset({"nav"}), frozenset({"link"}), (place, away))
    store = RoomStore(places.node(tmp_path))
    store.open()
    store.write({ROOM: room, "clinic/none": None}, [Ban("clinic", "t", 3.0), Ban("clinic", "t", 4.0)], 2.0)
    assert store.rooms() == ([room], [ROOM], 2.0)
    assert store.bans() == [Ban("clinic", "t", 4.0)]
    assert store.forget_bans(4.0) == 1
    store.write({ROOM: None}, [], 3.0)
    assert store.rooms() == ([], [], 0.0)
    store.close()


def test_bans_are_bounded_and_those_that_have_ended_go_first(places: Places, tmp_path: Path) -> None:
    store = RoomStore(places.node(tmp_path), max_bans=3)
    store.open()
    store.write({}, [Ban("clinic", "ended", 1.0)], 0.0)
    store.write({}, [Ban("clinic", str(end), float(end)) for end in (9, 5, 7)], 2.0)
    assert [ban.token_id for ban in store.bans()] == ["9", "7", "5"]
    store.write({}, [Ban("clinic", "8", 8.0)], 3.0)
    assert [ban.token_id for ban in store.bans()] == ["9", "8", "7"]
    store.close()


async def test_what_was_decided_is_on_disk_once_it_has_settled(places: Places, tmp_path: Path) -> None:
    place = places.node(tmp_path)
    async with house(place, tmp_path) as first:
        doctor, kari = first.call()
        ola = first.join("ola")
        await first.keeper.settled()
        [kept] = on_disk(place)
        assert [each.identity for each in kept.places] == ["doctor", "kari", "ola"]
        assert "A name" not in repr(kept)
        first.rooms.moderation.lock(doctor.id, True)
        first.rooms.moderation.remove(doctor.id, ola.participant_id)
        await first.keeper.settled()
        [kept] = on_disk(place)
        assert kept.locked
        assert [each.identity for each in kept.places] == ["doctor", "kari"]
    async with house(place, tmp_path) as second:
        with pytest.raises(RoomError) as refusal:
            second.join("ola")
        assert refusal.value.code == "banned"
        kari = second.join("kari")
        second.join("doctor", "fastlege")
        assert not second.rooms.session(kari.id).waiting
        assert second.rooms.state(ROOM).locked


async def test_a_room_that_is_over_is_forgotten(places: Places, tmp_path: Path) -> None:
    place = places.node(tmp_path)
    async with house(place, tmp_path) as first:
        first.rooms.owner.define_queue("clinic", "dropin", ["one"])
        first.rooms.join(
            JoinRequest("clinic", "dropin", "kari", "", "pasient", frozenset(), enters=DEFAULT_ROLES["pasient"].enters)
        )
        await first.keeper.settled()
        assert len(on_disk(place)) == 1
        first.rooms.owner.remove_queue("clinic/dropin")
        await first.keeper.settled()
        assert on_disk(place) == []


async def test_a_room_that_nobody_comes_back_to_is_forgotten(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "SWEEP_SECONDS", 0.0)
    place = places.node(tmp_path)
    async with house(place, tmp_path) as first:
        first.call()
    assert len(on_disk(place)) == 1
    async with house(place, tmp_path, reentry=0.0):
        await eventually(lambda: on_disk(place) == [])


async def test_a_bridge_that_ends_in_good_order_leaves_everyone_their_place(places: Places, tmp_path: Path) -> None:
    place = places.node(tmp_path)
    async with house(place, tmp_path) as first:
        first.call()
        first.join("ola")
        await first.keeper.stop()
        first.rooms.close()
    async with house(place, tmp_path) as second:
        second.join("new")
        for who in ("ola", "kari"):
            second.join(who)
        second.join("doctor", "fastlege")
        assert second.waiting() == ["ola", "new"]


async def test_after_a_long_time_without_a_bridge_nobody_is_waited_for_but_bans_hold(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "MAX_OUTAGE", -1.0)
    place = places.node(tmp_path)
    async with house(place, tmp_path) as first:
        doctor, _ = first.call()
        ola = first.join("ola")
        first.rooms.moderation.remove(doctor.id, ola.participant_id)
    async with house(place, tmp_path, alive=0.0) as second:
        assert on_disk(place) == []
        second.join("doctor", "fastlege")
        assert second.join("kari").waiting
        with pytest.raises(RoomError):
            second.join("ola")


async def test_where_decisions_may_be_missing_nobody_is_let_in_by_the_others(tmp_path: Path) -> None:
    """The database is gone when somebody is sent back: calls go on, and what is left there lets nobody in."""
    file, aside = tmp_path / NODE_FILE, tmp_path / "aside"
    place = SqlitePlace(file)
    async with house(place, tmp_path) as first:
        doctor, kari = first.call()
        first.join("ola")
        await first.keeper.settled()
        assert (tmp_path / MARK).exists()
        file.rename(aside)
        first.rooms.moderation.send_to_lobby(doctor.id, kari.participant_id)
        await first.keeper.settled()
        assert not (tmp_path / MARK).exists()
        assert first.waiting() == ["kari", "ola"]
    aside.rename(file)
    assert [each.admitted_until for each in on_disk(place)[0].places][1] is None, "what is there says otherwise"
    for _ in range(2):
        # Also when the next one is killed before anybody came.
        async with house(place, tmp_path) as second:
            assert (tmp_path / MARK).exists()
    async with house(place, tmp_path) as second:
        ola, kari = second.join("ola"), second.join("kari")
        second.join("doctor", "fastlege")
        assert second.rooms.session(kari.id).waiting
        assert second.rooms.session(ola.id).waiting
        assert second.waiting() == ["kari", "ola"]


async def test_a_disk_that_neither_writes_nor_refuses_holds_up_one_decision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "SETTLE_SECONDS", 0.01)
    goes_on, write = threading.Event(), RoomStore.write

    def hang(store: RoomStore, *what: Any) -> None:
        goes_on.wait()
        write(store, *what)

    async with house(SqlitePlace(tmp_path / NODE_FILE), tmp_path) as first:
        try:
            doctor, kari = first.call()
            with monkeypatch.context() as patched:
                patched.setattr(RoomStore, "write", hang)
                await first.keeper.settled()
                await eventually(lambda: not (tmp_path / MARK).exists())
                first.rooms.moderation.send_to_lobby(doctor.id, kari.participant_id)
                patched.setattr(keeper, "SETTLE_SECONDS", 3600.0)
                await first.keeper.settled()
                assert not (tmp_path / MARK).exists()
        finally:
            goes_on.set()
        await eventually(lambda: (tmp_path / MARK).exists())


async def test_all_is_written_once_the_database_is_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "RETRY_SECONDS", 0.0)
    file, aside = tmp_path / NODE_FILE, tmp_path / "aside"
    place = SqlitePlace(file)
    async with house(place, tmp_path) as first:
        doctor, kari = first.call()
        await first.keeper.settled()
        file.rename(aside)
        first.rooms.moderation.remove(doctor.id, kari.participant_id)
        await first.keeper.settled()
        assert not (tmp_path / MARK).exists()
        aside.rename(file)
        await eventually(lambda: (tmp_path / MARK).exists())
        assert [each.identity for each in on_disk(place)[0].places] == ["doctor"]
    async with house(place, tmp_path) as second:
        with pytest.raises(RoomError):
            second.join("kari")


async def test_who_is_taken_out_while_the_database_is_gone_stays_out_though_the_bridge_is_killed(
    tmp_path: Path,
) -> None:
    file, aside = tmp_path / NODE_FILE, tmp_path / "aside"
    place = SqlitePlace(file)
    async with house(place, tmp_path) as first:
        doctor, kari = first.call()
        ola = first.join("ola")
        await first.keeper.settled()
        file.rename(aside)
        for session in (kari, ola):
            first.rooms.moderation.remove(doctor.id, session.participant_id)
            await first.keeper.settled()
    aside.rename(file)
    assert (tmp_path / UNWRITTEN_BANS).stat().st_mode & 0o777 == 0o600
    for _ in range(2):
        # Also when the next one is killed before anybody came.
        async with house(place, tmp_path) as second:
            assert not (tmp_path / UNWRITTEN_BANS).exists()
            for identity in ("kari", "ola"):
                with pytest.raises(RoomError, match="took the owner of this token out"):
                    second.join(identity)


def test_a_file_of_bans_that_cannot_be_read_keeps_no_bridge_from_starting(tmp_path: Path) -> None:
    (tmp_path / UNWRITTEN_BANS).write_text("[{]")
    house = House(SqlitePlace(tmp_path / NODE_FILE), tmp_path)
    house.join("doctor", "fastlege")
    house.keeper.close()


async def test_a_row_that_cannot_be_read_keeps_no_bridge_from_starting(
    places: Places, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = places.node(tmp_path)
    async with house(place, tmp_path) as first:
        first.join("kari")
    database = place.connect()
    database.execute("INSERT INTO kept_rooms VALUES ('clinic/other', 1.0, '{\"kari\":')")
    database.close()
    async with house(place, tmp_path) as second:
        assert second.join("kari").waiting
    assert "kari" not in caplog.text


def test_a_database_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(BridgeError) as refusal:
        House(SqlitePlace(tmp_path / "none" / NODE_FILE), tmp_path)
    assert refusal.value.code == "rooms_unreadable"
