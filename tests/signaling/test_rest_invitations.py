"""`/v1/invitations`: links are made, listed without their secrets, taken back, and never shown to other vendors."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.signaling.test_rest import Vendors, clinic, other, refusal, vendors

__all__ = ["clinic", "other", "vendors"]

NUMBER = "17812099901"
PATIENT = {"room": "time-1", "role": "pasient", "lifetime": 600, "person": NUMBER, "name": "Kari", "identity": "p-17"}


async def make(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    answer = await client.post("/v1/invitations", json={**PATIENT, **changes})
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    made: dict[str, Any] = answer.json()
    return made


async def test_a_link_is_made_listed_and_taken_back(vendors: Vendors, clinic: httpx.AsyncClient) -> None:
    made = await make(clinic)
    link = made.pop("link")
    assert link.startswith("https://bridge.example/signin#")
    assert made["level"] == "high"
    assert made["made_by"] == f"api:{vendors.clinic.id}"
    listed = await clinic.get("/v1/invitations")
    assert listed.json() == {"invitations": [made]}
    for secret in (NUMBER, link.partition("#")[2]):
        assert secret not in listed.text
    assert (await clinic.get(f"/v1/invitations/{made['id']}")).json() == made
    assert (await clinic.delete(f"/v1/invitations/{made['id']}")).status_code == 204
    assert refusal(await clinic.delete(f"/v1/invitations/{made['id']}")) == (404, "invitation_not_found")
    assert (await clinic.get("/v1/invitations")).json() == {"invitations": []}
    details = {"invitation": made["id"], "role": "pasient", "level": "high"}
    actor = f"api:{vendors.clinic.id}"
    assert vendors.notes.kept == [
        (kind, "clinic", "time-1", actor, "p-17", details) for kind in ("invitation_created", "invitation_revoked")
    ]


async def test_they_are_listed_page_by_page_and_by_room(clinic: httpx.AsyncClient) -> None:
    made = [(await make(clinic, room=f"time-{number % 2}"))["id"] for number in range(5)]
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await clinic.get("/v1/invitations", params={"limit": 2, **cursor})).json()
        assert len(page["invitations"]) <= 2
        found += [each["id"] for each in page["invitations"]]
        if "next_cursor" not in page:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == made
    of_room = (await clinic.get("/v1/invitations", params={"room": "time-1"})).json()["invitations"]
    assert [each["id"] for each in of_room] == made[1::2]
    for query in ({"cursor": "eA=="}, {"limit": "0"}):
        assert refusal(await clinic.get("/v1/invitations", params=query)) == (400, "invalid_request")
    assert refusal(await clinic.get("/v1/invitations", params={"room": "../x"})) == (404, "invalid_room")


async def test_another_vendor_neither_sees_nor_takes_them_back(
    clinic: httpx.AsyncClient, other: httpx.AsyncClient
) -> None:
    made = await make(clinic)
    assert (await other.get("/v1/invitations")).json() == {"invitations": []}
    for method in ("GET", "DELETE"):
        there = await other.request(method, f"/v1/invitations/{made['id']}")
        nowhere = await other.request(method, "/v1/invitations/none")
        assert (there.status_code, there.json()) == (nowhere.status_code, nowhere.json())
    assert (await clinic.get(f"/v1/invitations/{made['id']}")).status_code == 200


async def test_a_repeated_request_makes_no_second_link(clinic: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await clinic.post("/v1/invitations", json=PATIENT, headers=headers)
    again = await clinic.post("/v1/invitations", json=PATIENT, headers=headers)
    assert again.json() == first.json()
    assert len((await clinic.get("/v1/invitations")).json()["invitations"]) == 1


async def test_no_link_without_a_trace(vendors: Vendors, clinic: httpx.AsyncClient) -> None:
    vendors.notes.full = True
    assert refusal(await clinic.post("/v1/invitations", json=PATIENT)) == (503, "audit_unavailable")
    assert (await clinic.get("/v1/invitations")).json() == {"invitations": []}


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"role": "king"}, "invalid_invitation", "role"),
        ({"level": "none"}, "level_below_minimum", "level"),
        ({"lifetime": 8 * 86_400}, "invalid_request", "lifetime"),
        ({"person": "12"}, "invalid_request", "person"),
        ({"enters": "direct"}, "invalid_request", "enters"),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    clinic: httpx.AsyncClient, change: dict[str, Any], code: str, field: str
) -> None:
    answer = await clinic.post("/v1/invitations", json={**PATIENT, **change})
    assert refusal(answer) == (400, code)
    assert answer.json()["field"] == field
