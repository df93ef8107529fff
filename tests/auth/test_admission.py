"""Invitations, sessions, pseudonyms: what is kept, for how long, and how much of it."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.auth.admission import Admission, InvitationRequest, Minter
from bridge.auth.invitations import InvitationError
from bridge.auth.levels import Level
from bridge.auth.oidc import PendingSignIn, SignedIn, SignInError
from bridge.auth.pseudonyms import Pseudonyms
from bridge.auth.secret_file import derive
from bridge.auth.sessions import MAX_PENDING, Sessions
from bridge.signin import SettingsLevels
from tests.support.invitations import invitations_in_memory

PSEUDONYMS = Pseudonyms(b"k" * 32)
NUMBER = "17812099901"


class House:
    def __init__(self, **store: int) -> None:
        self.now = 1000.0
        self.levels = SettingsLevels({"pasient": Level.HIGH}, (("v/psykiatri-*", Level.SUBSTANTIAL),))
        self.admission = Admission(
            invitations_in_memory(**store),
            self.levels,
            Minter(b"s" * 32, "bridge", 600.0),
            PSEUDONYMS,
            {"pasient", "tolk"},
            clock=lambda: self.now,
        )


def request(role: str = "tolk", **changes: Any) -> InvitationRequest:
    return InvitationRequest(**{"room": "time-1", "role": role, "lifetime": 3600.0, **changes})


def kari(level: Level = Level.HIGH, **changes: Any) -> SignedIn:
    who = SignedIn("p", "i", "subject", PSEUDONYMS.person(NUMBER), None, level, "")
    return dataclasses.replace(who, **changes)


def test_the_higher_of_role_and_room_is_needed() -> None:
    levels = House().levels
    assert levels.minimum("v", "time-1", "tolk") is Level.NONE
    assert levels.minimum("v", "psykiatri-7", "tolk") is Level.SUBSTANTIAL
    assert levels.minimum("w", "psykiatri-7", "tolk") is Level.NONE
    assert levels.minimum("v", "psykiatri-7", "pasient") is Level.HIGH


async def test_a_link_of_a_vendor_who_left_leads_nowhere() -> None:
    invitations, minter = invitations_in_memory(), Minter(b"s" * 32, "bridge", 600.0)
    before, after = (
        Admission(invitations, House().levels, minter, PSEUDONYMS, {"tolk"}, served=served)
        for served in (["v", "w"], ["w"])
    )
    invitation, code = await before.invite("v", request(), made_by="api:1")
    assert await before.open(code) == await before.find(invitation.id) == invitation
    for asked in (after.open(code), after.find(invitation.id)):
        with pytest.raises(InvitationError) as refused:
            await asked
        assert refused.value.code == "invitation_not_found"


async def test_a_level_that_was_raised_later_counts() -> None:
    house = House()
    invitation, _ = await house.admission.invite("v", request(), made_by="vendor")
    house.levels = SettingsLevels({"tolk": Level.HIGH}, ())
    raised = Admission(
        house.admission._invitations, house.levels, house.admission._minter, PSEUDONYMS, {"tolk"}, clock=lambda: 1000.0
    )
    with pytest.raises(InvitationError, match="takes a sign-in"):
        await raised.admit(invitation, "s", None, answered=False)
    with pytest.raises(SignInError):
        await raised.admit(invitation, "s", kari(Level.SUBSTANTIAL), answered=False)
    assert (await raised.admit(invitation, "s", kari(), answered=False)).level is Level.HIGH


async def test_what_is_kept_of_an_invitation_tells_nobodys_number_nor_its_secret() -> None:
    invitation, code = await House().admission.invite(
        "v",
        request("pasient", person=NUMBER, question="birth_date", answer="1990-12-17", name="Kari"),
        made_by="vendor",
    )
    kept = str(dataclasses.asdict(invitation))
    for secret in (NUMBER, code, "1990-12-17"):
        assert secret not in kept
    assert "Kari" not in repr(invitation)


async def test_a_token_outlives_neither_its_minutes_nor_its_invitation() -> None:
    house = House()
    invitation, _ = await house.admission.invite("v", request(lifetime=900.0), made_by="vendor")
    assert (await house.admission.admit(invitation, "s", None, answered=False)).expires_at == 1600.0
    house.now = 1700.0
    admitted = await house.admission.admit(invitation, "s", None, answered=False)
    assert admitted.expires_at == 1900.0
    claims = jwt.decode(admitted.token, options={"verify_signature": False})
    assert (claims["exp"], claims["iss"], claims["level"]) == (1900, "urn:bridge:signin:v", "none")
    assert (claims["jti"], claims["renewable_until"]) == (invitation.id, 1900)
    house.now = 1900.0
    with pytest.raises(InvitationError) as refusal:
        await house.admission.find(invitation.id)
    assert refusal.value.code == "invitation_not_found"


async def test_the_store_is_bounded_per_vendor_and_in_all_and_forgets_what_has_expired() -> None:
    house = House(max_total=3, max_per_tenant=2)
    for tenant in ("v", "v", "w"):
        await house.admission.invite(tenant, request(), made_by="vendor")
    for tenant in ("v", "x"):
        with pytest.raises(InvitationError) as refusal:
            await house.admission.invite(tenant, request(), made_by="vendor")
        assert refusal.value.code == "too_many_invitations"
    house.now += 3600.0
    await house.admission.invite("x", request(), made_by="vendor")


async def test_the_store_finds_by_person_room_and_role() -> None:
    house = House()
    invitation, _ = await house.admission.invite("v", request("pasient", person=NUMBER), made_by="vendor")
    assert await house.admission.find_for("v", "time-1", kari(), "pasient") == invitation
    for tenant, room, role in (("w", "time-1", "pasient"), ("v", "time-2", "pasient"), ("v", "time-1", "tolk")):
        assert await house.admission.find_for(tenant, room, kari(), role) is None
    assert await house.admission.find_for("v", "time-1", kari(person=None), "pasient") is None
    await house.admission.revoke("v", invitation.id)
    assert await house.admission.find_for("v", "time-1", kari(), "pasient") is None


@given(st.text(st.characters(), max_size=100), st.text(st.characters(), max_size=100))
def test_pseudonyms_are_equal_for_equal_people_only(one: str, other: str) -> None:
    same = PSEUDONYMS.subject("i", one) == PSEUDONYMS.subject("i", other)
    assert same == (one == other)
    assert PSEUDONYMS.subject("i", one) != PSEUDONYMS.subject("j", one)
    assert PSEUDONYMS.person(one) != PSEUDONYMS.professional(one)
    assert Pseudonyms(b"x" * 32).person(one) != PSEUDONYMS.person(one)


async def test_many_answers_at_once_are_no_more_attempts_than_one_by_one() -> None:
    """A browser that sent hundreds of birth dates at once had each looked at before any was counted."""
    house = House()
    made, _ = await house.admission.invite("v", request(question="birth_date", answer="1990-12-17"), made_by="vendor")
    guesses = [f"1990-11-{day:02}" for day in range(1, 31)]
    outcomes = await asyncio.gather(
        *(house.admission.answer(made, guess) for guess in [*guesses, "1990-12-17"]), return_exceptions=True
    )
    codes = [outcome.code for outcome in outcomes if isinstance(outcome, InvitationError)]
    assert (codes.count("invitation_wrong_answer"), codes.count("invitation_void")) == (4, 1)
    assert codes.count("invitation_not_found") == len(outcomes) - 5, "the right one came too late"
    with pytest.raises(InvitationError, match="another browser"):
        await house.admission.admit(made, "browser", None, answered=True)


async def test_right_answers_use_up_no_attempts() -> None:
    house = House()
    made, code = await house.admission.invite("v", request(question="name", answer="Ola"), made_by="vendor")
    for _ in range(4):
        with pytest.raises(InvitationError, match="not the answer"):
            await house.admission.answer(made, "Per")
    for _ in range(10):
        await house.admission.answer(made, "ola")
    assert (await house.admission.open(code)).attempts_left == 1


def test_answers_are_forgiving_of_spaces_and_case_only() -> None:
    assert PSEUDONYMS.answer("salt", "  Kari   NORDMANN ") == PSEUDONYMS.answer("salt", "kari nordmann")
    assert PSEUDONYMS.answer("salt", "Kari") != PSEUDONYMS.answer("pepper", "Kari")


def test_keys_of_two_purposes_have_nothing_in_common() -> None:
    assert derive(b"s" * 32, "one") != derive(b"s" * 32, "two")
    assert len(derive(b"s" * 32, "one")) == 32


class Table:
    def __init__(self, max_sessions: int = 2) -> None:
        self.now = 0.0
        self.sessions = Sessions(
            PSEUDONYMS.code, idle=10.0, lifetime=25.0, max_sessions=max_sessions, clock=lambda: self.now
        )


def test_a_session_ends_when_it_rests_or_is_old() -> None:
    table = Table()
    cookie, session = table.sessions.open()
    for now in (9.0, 18.0, 24.0):
        table.now = now
        assert table.sessions.find(cookie) is session
    table.now = 25.0
    assert table.sessions.find(cookie) is None
    rested, _ = table.sessions.open()
    table.now = 35.0
    assert table.sessions.find(rested) is None
    assert table.sessions.find("made up") is None
    assert table.sessions.find(None) is None


def test_who_only_opened_a_link_gives_way_and_who_signed_in_does_not() -> None:
    table = Table()
    signed, session = table.sessions.open()
    session.signed_in = kari()
    opened, _ = table.sessions.open()
    newest, other = table.sessions.open()
    assert table.sessions.find(opened) is None
    assert table.sessions.find(signed) is session
    other.signed_in = kari()
    with pytest.raises(SignInError) as refusal:
        table.sessions.open()
    assert refusal.value.code == "signin_busy"
    assert table.sessions.find(newest) is other
    table.now = 11.0
    table.sessions.open()
    assert len(table.sessions) == 1


def test_sign_ins_under_way_are_bounded_in_each_browser() -> None:
    _, session = Table().sessions.open()
    for number in range(MAX_PENDING + 2):
        session.add_pending(PendingSignIn("p", f"state {number}", "n", "v", Level.HIGH, 600.0))
    assert list(session.pending) == [f"state {number}" for number in range(2, MAX_PENDING + 2)]


def test_the_table_shows_no_cookie_and_no_identity() -> None:
    table = Table()
    cookie, session = table.sessions.open()
    session.signed_in = kari(name="Kari")
    assert cookie not in str(table.sessions._table)
    assert cookie not in str(dataclasses.asdict(session))
    assert "Kari" not in repr(session)


def test_whom_a_portal_vouches_for_has_another_name_at_each_vendor() -> None:
    admission = House().admission

    def identity(tenant: str, room: str) -> str:
        admitted = admission.admit_uninvited(tenant, room, "tolk", kari())
        claims = jwt.decode(admitted.token, options={"verify_signature": False})
        return str(claims["sub"])

    assert identity("v", "time-1") == identity("v", "time-2") != "subject"
    assert identity("v", "time-1") != identity("w", "time-1")
