"""The vendors' API of a whole bridge, by HTTP and by the doors that it has an effect on."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from bridge.app import Application
from bridge.auth.api_keys import ApiKeyFile
from bridge.settings import load_settings

CONFIG = """
[[tokens.issuers]]
issuer = "other"
tenant = "other"
keys = [{ algorithm = "HS256", secret_file = "secret" }]
"""


@pytest.fixture
async def bridge(tmp_path: Path) -> AsyncIterator[Application]:
    (tmp_path / "secret").write_text("s" * 40)
    (tmp_path / "bridge.toml").write_text(CONFIG)
    given = {"http.listen": "127.0.0.1:0", "media.listen": "127.0.0.1:0", "data.directory": str(tmp_path / "data")}
    options = {key: ("test", text) for key, text in given.items()}
    application = Application(
        load_settings(tmp_path / "bridge.toml", environment={}, options=options), development=True
    )
    await application.start()
    yield application
    await application.close()


@pytest.fixture
async def api(bridge: Application, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client(bridge, ApiKeyFile(tmp_path / "data").create("dev")) as made:
        yield made


@pytest.fixture
async def other(bridge: Application, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Another vendor."""
    async with client(bridge, ApiKeyFile(tmp_path / "data").create("other")) as made:
        yield made


def client(bridge: Application, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{bridge.http_port}", headers={"Authorization": f"Bearer {key}"}
    )


async def join(
    bridge: Application, api: httpx.AsyncClient, identity: str, role: str = "fastlege", room: str = "time-1"
) -> ClientConnection:
    """Somebody comes by a token that the API made."""
    asked = await api.post("/v1/tokens", json={"room": room, "identity": identity, "role": role, "name": "Kari"})
    assert asked.status_code == 201, asked.text
    door = await websockets.connect(f"ws://127.0.0.1:{bridge.http_port}/v1/signal")
    await door.send(json.dumps({"type": "join", "id": 1, "token": asked.json()["token"]}))
    while json.loads(await door.recv())["type"] not in ("joined", "waiting"):
        pass
    return door


def refusal(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_vendor_sees_who_is_in_its_rooms_and_nobodys_name(bridge: Application, api: httpx.AsyncClient) -> None:
    async with await join(bridge, api, "lege"), await join(bridge, api, "01017012345", "pasient"):
        [room] = (await api.get("/v1/rooms")).json()["rooms"]
        assert room == {"name": "time-1", "participants": 1, "waiting": 1, "locked": False}
        assert (await api.get("/v1/rooms/time-1")).json() == room
        answer = await api.get("/v1/rooms/time-1/participants")
    assert [(each["role"], each["place"]) for each in answer.json()["participants"]] == [
        ("fastlege", "room"),
        ("pasient", "lobby"),
    ]
    assert "Kari" not in answer.text
    assert "01017012345" not in answer.text


async def test_another_vendors_rooms_are_as_if_they_were_not_there(
    bridge: Application, api: httpx.AsyncClient, other: httpx.AsyncClient
) -> None:
    async with await join(bridge, api, "lege") as door:
        someone = (await api.get("/v1/rooms/time-1/participants")).json()["participants"][0]["id"]
        assert (await other.get("/v1/rooms")).json() == {"rooms": [], "next": None}
        assert (await other.get("/v1/events")).json()["events"] == []
        for path in ("/v1/rooms/time-1", "/v1/rooms/time-1/participants", "/v1/rooms/dev%2Ftime-1"):
            assert (await other.get(path)).status_code == 404
        for path in ("/v1/rooms/time-1", f"/v1/rooms/time-1/participants/{someone}"):
            assert (await other.delete(path)).status_code == 404
        cursor = (await api.get("/v1/events")).json()["next"]
        assert refusal(await other.get("/v1/events", params={"after": cursor}), 410)["code"] == "cursor_expired"
        assert (await api.get("/v1/rooms/time-1")).json()["participants"] == 1
        await door.close()


async def test_ending_a_room_puts_everyone_out(bridge: Application, api: httpx.AsyncClient) -> None:
    doors = [await join(bridge, api, "lege"), await join(bridge, api, "pasient", "pasient")]
    assert (await api.delete("/v1/rooms/time-1")).status_code == 204
    await asyncio.gather(*(door.wait_closed() for door in doors))
    assert (await api.get("/v1/rooms/time-1/participants")).json() == {"participants": []}
    assert refusal(await api.delete("/v1/rooms/none"), 404)["code"] == "room_not_found"


async def test_who_is_removed_may_not_come_back_by_the_same_token(bridge: Application, api: httpx.AsyncClient) -> None:
    token = (await api.post("/v1/tokens", json={"room": "r", "identity": "i", "role": "fastlege"})).json()["token"]
    url = f"ws://127.0.0.1:{bridge.http_port}/v1/signal"
    async with await websockets.connect(url) as door:
        await door.send(json.dumps({"type": "join", "id": 1, "token": token}))
        assert json.loads(await door.recv())["type"] == "joined"
        [someone] = (await api.get("/v1/rooms/r/participants")).json()["participants"]
        assert (await api.delete(f"/v1/rooms/r/participants/{someone['id']}")).status_code == 204
        await door.wait_closed()
    async with await websockets.connect(url) as door:
        await door.send(json.dumps({"type": "join", "id": 1, "token": token}))
        assert json.loads(await door.recv())["code"] == "banned"
    gone = await api.delete(f"/v1/rooms/r/participants/{someone['id']}")
    assert refusal(gone, 404)["code"] == "participant_not_found"


async def test_rooms_come_in_pages(bridge: Application, api: httpx.AsyncClient) -> None:
    doors = [await join(bridge, api, "lege", room=f"room-{number}") for number in (2, 3, 1)]
    first = (await api.get("/v1/rooms", params={"limit": 2})).json()
    assert [room["name"] for room in first["rooms"]] == ["room-1", "room-2"]
    second = (await api.get("/v1/rooms", params={"limit": 2, "after": first["next"]})).json()
    assert ([room["name"] for room in second["rooms"]], second["next"]) == (["room-3"], None)
    for door in doors:
        await door.close()


async def test_events_are_read_on_from_a_cursor(bridge: Application, api: httpx.AsyncClient) -> None:
    start = (await api.get("/v1/events")).json()["next"]
    async with await join(bridge, api, "lege"):
        await join(bridge, api, "pasient", "pasient")
        first = (await api.get("/v1/events", params={"after": start, "limit": 2})).json()
        assert [event["type"] for event in first["events"]] == ["room.started", "participant.joined"]
        assert first["events"][1]["role"] == "fastlege"
        second = (await api.get("/v1/events", params={"after": first["next"]})).json()
        assert [event["type"] for event in second["events"]] == ["participant.waiting"]
        nothing = (await api.get("/v1/events", params={"after": second["next"]})).json()
        assert nothing == {"events": [], "next": second["next"]}
    assert refusal(await api.get("/v1/events", params={"after": "?"}), 400)["field"] == "after"
    assert refusal(await api.get("/v1/events", params={"after": "00000000-1"}), 410)["code"] == "cursor_expired"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"role": "konge"}, "role"),
        ({"identity": "a\nb"}, "identity"),
        ({"identity": 1}, "identity"),
        ({"room": "a/b"}, "room"),
        ({"lifetime": 5}, "lifetime"),
        ({"name": "\u202e"}, "name"),
    ],
)
async def test_a_token_that_a_door_would_refuse_is_not_made(
    api: httpx.AsyncClient, changes: dict[str, Any], field: str
) -> None:
    body = {"room": "r", "identity": "i", "role": "fastlege", **changes}
    refused = refusal(await api.post("/v1/tokens", json=body), 400)
    assert (refused["code"], refused["field"]) == ("invalid_body", field)


async def test_what_is_not_built_says_so(api: httpx.AsyncClient) -> None:
    for name in ("recordings", "queues", "webhooks"):
        for path in (f"/v1/{name}", f"/v1/{name}/1"):
            assert refusal(await api.get(path), 501)["code"] == "not_built"


async def test_without_a_good_key_nothing_is_shown(bridge: Application, tmp_path: Path) -> None:
    keys = ApiKeyFile(tmp_path / "data")
    good = keys.create("dev")
    revoked = keys.create("dev")
    async with client(bridge, revoked) as api:
        assert (await api.get("/v1/rooms")).status_code == 200
        keys.revoke(revoked.split("_")[1])
        assert refusal(await api.get("/v1/rooms"), 401)["code"] == "token_unknown_key"
    wrong = good[:-1] + ("A" if good[-1] != "A" else "B")
    for key in (wrong, "bk_", "bk_0123456789abcdef_" + "x" * 43, keys.create("stranger")):
        async with client(bridge, key) as api:
            assert refusal(await api.get("/v1/rooms"), 401)["code"] == "token_unknown_key"
    async with httpx.AsyncClient() as nobody:
        answer = await nobody.get(f"http://127.0.0.1:{bridge.http_port}/v1/rooms")
        assert refusal(answer, 401)["code"] == "unauthorized"
    assert good.split("_", 2)[2] not in (tmp_path / "data" / "api-keys.json").read_text()
    (tmp_path / "data" / "api-keys.json").write_text("[")
    async with client(bridge, good) as api:
        assert refusal(await api.get("/v1/rooms"), 503)["code"] == "api_keys_unusable"
