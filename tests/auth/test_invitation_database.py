"""Invitations on disk: they outlive the process, hold no secret in clear, and go when they have expired."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.auth.admission import Admission, InvitationRequest, Minter
from bridge.auth.invitation_database import DATABASE, InvitationDatabase
from bridge.auth.invitations import InvitationError
from bridge.auth.levels import Level
from bridge.auth.pseudonyms import Pseudonyms
from bridge.signin import SettingsLevels

NUMBER, NAME = "17812099901", "Kari Nordmann"


class House:
    """One bridge after the other, on one data directory."""

    def __init__(self, data: Path) -> None:
        self.now = 1000.0
        self.path = data / DATABASE
        self.store = InvitationDatabase(self.path)
        self.restart()

    def restart(self) -> None:
        self.store.close()
        self.store = InvitationDatabase(self.path)
        self.store.open()
        self.admission = Admission(
            self.store,
            SettingsLevels({}, ()),
            Minter(b"s" * 32, "bridge", 600.0),
            Pseudonyms(b"k" * 32),
            {"pasient", "tolk"},
            clock=lambda: self.now,
        )

    def on_disk(self) -> bytes:
        return b"".join(each.read_bytes() for each in self.path.parent.glob(f"{DATABASE}*"))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


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
        assert secret.encode() not in house.on_disk()
    assert NAME.encode() in house.on_disk()
    assert house.path.stat().st_mode & 0o777 == 0o600
    house.now += 3600.0
    await house.store.forget_expired(house.now)
    # What the write-ahead log still holds goes when the bridge ends.
    house.store.close()
    assert NAME.encode() not in house.on_disk()


async def test_what_expires_while_nobody_looks_is_deleted(house: House) -> None:
    await house.admission.invite("v", request(lifetime=1.0), made_by="vendor")
    house.now += 2.0
    house.store.start_sweeping(lambda: house.now)
    while await house.store.list_of("v", None, (0.0, ""), 10, 0.0):
        pass
    await house.store.stop_sweeping()


async def test_a_file_that_cannot_be_used_is_a_clear_refusal(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"no database at all, but long enough to be taken for one" * 100)
    for store in (InvitationDatabase(tmp_path / DATABASE), InvitationDatabase(tmp_path / "none" / DATABASE)):
        with pytest.raises(InvitationError) as refusal:
            store.open()
        assert refusal.value.code == "invitations_unavailable"
        with pytest.raises(InvitationError):
            await store.find("any", 0.0)
