"""`/v1/queues`: made, changed, listed and ended by their vendor, and still there after a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.errors import BridgeError
from bridge.queues import OLD_FILE, QueueKeeper
from bridge.room import RoomLimits, Rooms
from bridge.storage import SqlitePlace
from bridge.storage.choice import NODE_FILE
from tests.signaling.test_rest import Vendors, clinic, other, refusal, vendors
from tests.support.places import Places

__all__ = ["clinic", "other", "vendors"]

BODY = {"queue": "dropin", "rooms": ["one", "two"]}


async def test_a_queue_is_made_changed_listed_and_ended(vendors: Vendors, clinic: httpx.AsyncClient) -> None:
    made = await clinic.post("/v1/queues", json=BODY)
    shown = {**BODY, "waiting": 0, "hosts": 0}
    assert (made.status_code, made.json()) == (201, shown)
    vendors.join("dropin", "kari", enters="lobby")
    assert (await clinic.get("/v1/queues/dropin")).json() == {**shown, "waiting": 1}
    changed = await clinic.post("/v1/queues", json={"queue": "dropin", "rooms": ["three"]})
    assert changed.json() == {"queue": "dropin", "rooms": ["three"], "waiting": 1, "hosts": 0}
    assert (await clinic.get("/v1/queues")).json()["queues"] == [changed.json()]
    assert (await clinic.delete("/v1/queues/dropin")).status_code == 204
    assert vendors.rooms.waiting("clinic/dropin") == []
    assert refusal(await clinic.delete("/v1/queues/dropin")) == (404, "queue_not_found")
    assert [each[0] for each in vendors.notes.kept] == ["queue_defined", "queue_defined", "queue_removed"]


async def test_another_vendor_neither_sees_nor_ends_it(clinic: httpx.AsyncClient, other: httpx.AsyncClient) -> None:
    await clinic.post("/v1/queues", json=BODY)
    assert (await other.get("/v1/queues")).json() == {"queues": []}
    for method in ("GET", "DELETE"):
        assert refusal(await other.request(method, "/v1/queues/dropin")) == (404, "queue_not_found")
    assert (await clinic.get("/v1/queues/dropin")).status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"rooms": []}, 400, "invalid_request"),
        ({"rooms": ["dropin"]}, 400, "invalid_queue"),
        ({"queue": "../x"}, 400, "invalid_request"),
        ({"queue": "taken"}, 409, "room_in_use"),
    ],
)
async def test_what_cannot_be_a_queue_is_refused(
    vendors: Vendors, clinic: httpx.AsyncClient, change: dict[str, Any], status: int, code: str
) -> None:
    vendors.join("taken", "kari")
    assert refusal(await clinic.post("/v1/queues", json={**BODY, **change})) == (status, code)


async def test_queues_outlive_a_restart(places: Places, tmp_path: Path) -> None:
    old = tmp_path / OLD_FILE
    old.write_text('[{"tenant": "clinic", "name": "older", "rooms": ["three"]}]')
    keeper = QueueKeeper(places.node(tmp_path), Rooms(RoomLimits()), old)
    keeper.load()
    assert not old.exists()
    await keeper.define("clinic", "dropin", ["one"])
    await keeper.define("clinic", "dropin", ["one", "two"])
    await keeper.define("clinic", "evening", ["one"])
    await keeper.remove("clinic/evening")
    keeper.close()
    rooms = Rooms(RoomLimits())
    again = QueueKeeper(places.node(tmp_path), rooms, old)
    again.load()
    again.close()
    assert [(each.id, each.rooms) for each in rooms.queues.all()] == [
        ("clinic/dropin", ("clinic/one", "clinic/two")),
        ("clinic/older", ("clinic/three",)),
    ]


async def test_what_cannot_be_kept_or_read_is_told(tmp_path: Path) -> None:
    rooms = Rooms(RoomLimits())
    with pytest.raises(BridgeError) as refused:
        await QueueKeeper(SqlitePlace(tmp_path / "none" / NODE_FILE), rooms).define("clinic", "dropin", ["one"])
    assert refused.value.code == "queues_unavailable"
    assert list(rooms.queues.all()) == []
    (tmp_path / OLD_FILE).write_text("nonsense")
    with pytest.raises(BridgeError) as unreadable:
        QueueKeeper(SqlitePlace(tmp_path / NODE_FILE), rooms, tmp_path / OLD_FILE).load()
    assert unreadable.value.code == "queues_unreadable"
    assert (tmp_path / OLD_FILE).read_text() == "nonsense"
