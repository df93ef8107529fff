"""Invitations on disk: they outlive the process, hold no secret in clear, and go when they have expired."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.auth.admission import Admission, InvitationRequest, Minter
from bridge.auth.invitation_database import InvitationDatabase
from bridge.auth.invitations import InvitationError
from bridge.auth.levels import Level
from bridge.auth.pseudonyms import Pseudonyms
from bridge.signin import SettingsLevels
from bridge.storage import Place, SqlitePlace
from bridge.storage.choice import SHARED_FILE
from bridge.storage.postgresql import PostgresPlace, Server
from tests.support.places import Places

NUMBER, NAME = "17812099901", "Kari Nordmann"


class House:
    """One bridge after the other, on one data directory."""

    def __init__(self, place: Place) -> None:
        self.now = 1000.0
        self.place = place
        self.store = InvitationDatabase(place)
        self.restart()

    def restart(self) -> None:
        self.store.close()
        self.store = InvitationDatabase(self.place)
        self.store.open()
        self.admission = Admission(
            self.store,
            SettingsLevels({}, ()),
            Minter(b"s" * 32, "bridge", 600.0),
            Pseudonyms(b"k" * 32),
            {"pasient", "tolk"},
            clock=lambda: self.now,
        )

    def kept(self) -> str:
        database = self.place.snapshot()
        rows = database.execute("SELECT * FROM invitations").rows
        database.close()
        return repr(rows)


@pytest.fixture
def house(places: Places, tmp_path: Path) -> Iterator[House]:
    house = House(places.shared(tmp_path))
    yield house
    house.store.close()


def on_disk(data: Path) -> bytes:
    return b"".join(each.read_bytes() for each in data.glob(f"{SHARED_FILE}*"))


def request(**changes: object) -> InvitationRequest:
    values = {"room": "time-1", "role": "tolk", "lifetime": 3600.0, "name": NAME, **changes}
    return InvitationRequest(**values)  # type: ignore[arg-type]


async def test_a_link_works_after_a_restart_and_only_for_whom_it_let_in(house: House) -> None:
    made, code = await house.admission.invite("v", request(), made_by="vendor")
    house.restart()
    assert await house.admission.open(code) == made
    assert (await house.admission.admit(made, "browser", None, answered=False)).token
    house.restart()
    with pytest.raises(InvitationError) as refusal:
        await house.admission.admit(made, "another", None, answered=False)
    assert refusal.value.code == "invitation_used"
    assert (await house.admission.admit(made, "browser", None, answered=False)).token


async def test_wrong_answers_are_counted_over_a_restart(house: House) -> None:
    made, code = await house.admission.invite("v", request(question="name", answer="Ola"), made_by="vendor")
    for _ in range(5):
        house.restart()
        with pytest.raises(InvitationError):
            await house.admission.answer(made, "Per")
    with pytest.raises(InvitationError) as refusal:
        await house.admission.open(code)
    assert refusal.value.code == "invitation_not_found"


async def test_no_secret_is_on_disk_and_no_name_once_it_has_expired(house: House) -> None:
    _, code = await house.admission.invite(
        "v", request(level=None, question="birth_date", answer="1990-12-17"), made_by="vendor"
    )
    house.admission = Admission(
        house.store,
        SettingsLevels({}, (("v/*", Level.HIGH),)),
        Minter(b"s" * 32, "bridge", 600.0),
        Pseudonyms(b"k" * 32),
        {"pasient"},
        clock=lambda: house.now,
    )
    await house.admission.invite("v", request(role="pasient", person=NUMBER), made_by="vendor")
    for secret in (code, NUMBER, "1990-12-17"):
        assert secret not in house.kept()
    assert NAME in house.kept()
    house.now += 3600.0
    await house.store.forget_expired(house.now)
    assert NAME not in house.kept()


async def test_a_file_is_for_its_owner_and_holds_no_name_once_it_has_expired(tmp_path: Path) -> None:
    house = House(Places().shared(tmp_path))
    await house.admission.invite("v", request(), made_by="vendor")
    assert NAME.encode() in on_disk(tmp_path)
    assert (tmp_path / SHARED_FILE).stat().st_mode & 0o777 == 0o600
    house.now += 3600.0
    await house.store.forget_expired(house.now)
    # What the write-ahead log still holds goes when the bridge ends.
    house.store.close()
    assert NAME.encode() not in on_disk(tmp_path)


async def test_of_two_bridges_with_one_database_one_takes_a_link(house: House) -> None:
    other = House(house.place)
    other.now = house.now
    made, code = await house.admission.invite("v", request(), made_by="vendor")
    assert await other.admission.open(code) == made
    taken = await asyncio.gather(
        *(each.store.take(made.id, f"browser {number}") for number, each in enumerate([house, other] * 5))
    )
    assert taken.count(True) == 1
    other.store.close()


async def test_what_expires_while_nobody_looks_is_deleted(house: House) -> None:
    await house.admission.invite("v", request(lifetime=1.0), made_by="vendor")
    house.now += 2.0
    house.store.start_sweeping(lambda: house.now)
    while await house.store.list_of("v", None, (0.0, ""), 10, 0.0):
        pass
    await house.store.stop_sweeping()


async def test_a_database_that_cannot_be_used_is_a_clear_refusal(tmp_path: Path) -> None:
    (tmp_path / SHARED_FILE).write_bytes(b"no database at all, but long enough to be taken for one" * 100)
    for place in (
        SqlitePlace(tmp_path / SHARED_FILE),
        SqlitePlace(tmp_path / "none" / SHARED_FILE),
        PostgresPlace(Server({"host": str(tmp_path), "dbname": "none"}), "bridge"),
    ):
        store = InvitationDatabase(place)
        with pytest.raises(InvitationError) as refusal:
            store.open()
        assert refusal.value.code == "invitations_unavailable"
        with pytest.raises(InvitationError):
            await store.find("any", 0.0)
