"""Test legs by REST: for keys that open them, in the vendor's own rooms, with no more rights than it takes."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bridge.errors import BridgeError
from tests.signaling.test_rest import Vendors, clinic, refusal, vendors

__all__ = ["clinic", "vendors"]

PATH = "/v1/rooms/time-1/test-legs"


def order(**more: Any) -> dict[str, Any]:
    return {"kind": "echo", "role": "fastlege", **more}


async def test_one_is_started_listed_and_ended(vendors: Vendors, clinic: httpx.AsyncClient) -> None:
    answer = await clinic.post(PATH, json=order(kind="player", clip="film.webm", name="Prøve", seconds=60))
    assert answer.status_code == 201
    made = answer.json()
    assert made == {
        "id": "0" * 16,
        "kind": "player",
        "clip": "film.webm",
        "participant": "somebody",
        "identity": f"test-leg-{'0' * 16}",
        "ends_at": 1_800_000_000,
    }
    (leg,) = vendors.test_legs.running
    assert (leg.room_id, leg.seconds) == ("clinic/time-1", 60)
    assert (await clinic.get(PATH)).json() == {"test_legs": [made]}
    assert (await clinic.get("/v1/rooms/time-2/test-legs")).json() == {"test_legs": []}
    assert (await clinic.delete(f"{PATH}/{made['id']}")).status_code == 204
    assert refusal(await clinic.delete(f"{PATH}/{made['id']}")) == (404, "test_leg_not_found")
    assert [note[0] for note in vendors.notes.kept] == ["test_leg_started", "test_leg_ended"]
    assert vendors.notes.kept[0][1:] == (
        "clinic",
        "time-1",
        f"api:{vendors.clinic.id}",
        made["identity"],
        {"kind": "player", "role": "fastlege"},
    )


async def test_another_vendors_are_not_there(vendors: Vendors, clinic: httpx.AsyncClient) -> None:
    made = (await clinic.post(PATH, json=order())).json()
    async with vendors.client(vendors.other_key) as other:
        assert (await other.get(PATH)).json() == {"test_legs": []}
        assert refusal(await other.delete(f"{PATH}/{made['id']}")) == (404, "test_leg_not_found")
    assert len(vendors.test_legs.running) == 1


async def test_a_key_without_the_scope_starts_none(vendors: Vendors) -> None:
    async with vendors.client(vendors.rooms_key) as client:
        answers = [await client.get(PATH), await client.post(PATH, json=order())]
        answers.append(await client.delete(f"{PATH}/{'0' * 16}"))
    assert {refusal(answer) for answer in answers} == {(403, "scope_missing")}
    assert vendors.test_legs.running == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": "parrot"}, "kind"),
        ({"kind": "player"}, "clip"),
        ({"clip": "film.webm"}, "clip"),
        ({"seconds": 601}, "seconds"),
        ({"seconds": 0}, "seconds"),
        ({"role": "ukjent"}, "role"),
        # It cannot wait in a lobby.
        ({"role": "pasient"}, "enters"),
        ({"enters": "direct"}, "enters"),
    ],
)
async def test_what_is_wrong_is_named(
    vendors: Vendors, clinic: httpx.AsyncClient, wrong: dict[str, Any], field: str
) -> None:
    answer = await clinic.post(PATH, json=order(**wrong))
    assert refusal(answer) == (400, "invalid_request")
    assert field in (answer.json().get("field", "") + answer.json()["detail"])
    assert vendors.test_legs.running == []
    assert vendors.notes.kept == []


async def test_what_the_bridge_has_no_place_for_is_refused(vendors: Vendors, clinic: httpx.AsyncClient) -> None:
    assert refusal(await clinic.post(PATH, json=order(kind="player", clip="../x"))) == (400, "unknown_clip")
    for _ in range(2):
        assert (await clinic.post(PATH, json=order())).status_code == 201
    assert refusal(await clinic.post(PATH, json=order())) == (503, "too_many_test_legs")


async def test_one_that_did_not_come_is_told(vendors: Vendors, clinic: httpx.AsyncClient) -> None:
    vendors.test_legs.refusal = BridgeError("room_full", "The room is full.")
    assert refusal(await clinic.post(PATH, json=order())) == (409, "room_full")


async def test_without_the_audit_log_none_is_started(vendors: Vendors, clinic: httpx.AsyncClient) -> None:
    vendors.notes.full = True
    assert (await clinic.post(PATH, json=order())).status_code == 503
    assert vendors.test_legs.running == []
