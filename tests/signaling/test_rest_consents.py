"""`/v1/rooms/…/consents`: a vendor hands in the answers of those whom it asks, and of nobody else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from bridge.room import Recording
from bridge.signaling.calls import Door
from tests.signaling.house import EVERYTHING, Claims
from tests.signaling.test_rest import Vendors, clinic, other, refusal, vendors

__all__ = ["clinic", "other", "vendors"]

NAV = Claims("clinic", "a", "nav", "", "nav", EVERYTHING, consent_by_vendor=True)
DOCTOR = Claims("clinic", "a", "doctor", "", "fastlege", EVERYTHING, video_consent=True)


class Asked:
    """NAV, by WHIP, and a doctor who would record."""

    def __init__(self, vendors: Vendors) -> None:
        calls = vendors.calls
        doctor, nav = calls.join(DOCTOR, Door.WEBSOCKET), calls.join(NAV, Door.WHIP)
        self.rooms, self.doctor, self.nav = calls.rooms, doctor.session.participant_id, nav.session.participant_id
        self.rooms.participation.ask_to_record(doctor.session.id, "2026-1")
        (request, _) = self.rooms.consent(doctor.session.id) or (None, None)
        assert request is not None
        self.yes = {"answer": "yes", "text_version": "nav-3", "recording": request.id}
        self.path = f"/v1/rooms/a/participants/{self.nav}/consents"

    def recording(self) -> Recording:
        return self.rooms.state("clinic/a").recording


@pytest.fixture
async def asked(vendors: Vendors) -> Asked:
    return Asked(vendors)


async def test_an_answer_is_asked_for_handed_in_and_taken_down(
    vendors: Vendors, clinic: httpx.AsyncClient, asked: Asked
) -> None:
    standing = (await clinic.get(asked.path)).json()["consents"][0]
    assert standing == {
        "kind": "recording",
        "asked": True,
        "answer": None,
        "given_by": None,
        "recording": asked.yes["recording"],
        "text_version": "2026-1",
    }
    given = await clinic.put(f"{asked.path}/recording", json=asked.yes)
    assert (given.status_code, given.json()) == (200, {**standing, "answer": "yes", "given_by": "vendor"})
    assert asked.recording() is Recording.ON
    details = {"participant": asked.nav, "kind": "recording", "answer": "yes", "text_version": "nav-3"}
    assert vendors.notes.kept == [("consent_handed_in", "clinic", "a", f"api:{vendors.clinic.id}", "nav", details)]
    shown = (await clinic.get("/v1/rooms/a/participants")).json()["participants"]
    assert [(each["consent_by"], each["consent_pending"]) for each in shown] == [
        ("participant", False),
        ("vendor", False),
    ]


async def test_what_cannot_be_taken_down_is_no_consent_and_a_withdrawal_counts_all_the_same(
    vendors: Vendors, clinic: httpx.AsyncClient, asked: Asked
) -> None:
    vendors.notes.full = True
    assert refusal(await clinic.put(f"{asked.path}/recording", json=asked.yes)) == (503, "audit_unavailable")
    assert asked.recording() is Recording.ASKING
    vendors.notes.full = False
    await clinic.put(f"{asked.path}/recording", json=asked.yes)
    vendors.notes.full = True
    taken_back = await clinic.put(f"{asked.path}/recording", json={**asked.yes, "answer": "withdrawn"})
    assert (taken_back.status_code, taken_back.json()["asked"]) == (200, False)
    assert asked.recording() is Recording.OFF
    assert refusal(await clinic.put(f"{asked.path}/recording", json=asked.yes)) == (409, "consent_not_asked")


async def test_a_consent_to_video_is_handed_in_before_a_camera_comes(clinic: httpx.AsyncClient, asked: Asked) -> None:
    yes = {"answer": "yes", "text_version": "nav-3"}
    given = (await clinic.put(f"{asked.path}/video", json=yes)).json()
    assert (given["asked"], given["answer"], given["given_by"], given["recording"]) == (True, "yes", "vendor", None)
    refused = (await clinic.put(f"{asked.path}/video", json={**yes, "answer": "withdrawn"})).json()
    assert (refused["answer"], refused["given_by"]) == ("no", None)


async def test_another_vendor_and_other_peoples_clients_are_out_of_reach(
    vendors: Vendors, clinic: httpx.AsyncClient, other: httpx.AsyncClient, asked: Asked
) -> None:
    assert refusal(await other.get(asked.path)) == (404, "room_not_found")
    assert refusal(await other.put(f"{asked.path}/recording", json=asked.yes)) == (404, "room_not_found")
    # A room of the same name of the other vendor's does not help.
    vendors.calls.join(replace(NAV, tenant="other"), Door.WHIP)
    assert refusal(await other.put(f"{asked.path}/recording", json=asked.yes)) == (404, "participant_not_found")
    doctors = asked.path.replace(asked.nav, asked.doctor)
    assert refusal(await clinic.put(f"{doctors}/recording", json=asked.yes)) == (403, "consent_not_by_vendor")
    assert asked.recording() is Recording.ASKING
    assert vendors.notes.kept == []


@pytest.mark.parametrize(
    ("kind", "change", "refused"),
    [
        ("recording", {"answer": "maybe"}, (400, "invalid_request")),
        ("recording", {"text_version": ""}, (400, "invalid_request")),
        ("recording", {"recording": None}, (400, "invalid_request")),
        ("recording", {"recording": "another"}, (409, "consent_not_asked")),
        ("video", {}, (400, "invalid_request")),
        ("photograph", {}, (404, "not_found")),
    ],
)
async def test_what_makes_no_sense_is_refused(
    clinic: httpx.AsyncClient, asked: Asked, kind: str, change: dict[str, Any], refused: tuple[int, str]
) -> None:
    assert refusal(await clinic.put(f"{asked.path}/{kind}", json={**asked.yes, **change})) == refused
    assert asked.recording() is Recording.ASKING


async def test_a_token_says_who_asks(vendors: Vendors, clinic: httpx.AsyncClient) -> None:
    for said, by_vendor in (("vendor", True), ("participant", False), (None, False)):
        body = {"identity": "nav", "role": "nav", "consent_by": said}
        token = (await clinic.post("/v1/rooms/a/tokens", json=body)).json()["token"]
        assert (await vendors.verifier.verify(token)).consent_by_vendor is by_vendor
