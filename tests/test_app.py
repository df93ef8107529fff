"""The whole bridge in this process: what it tells operators while people are in, and how it ends."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from bridge.app import Application
from bridge.audit import AuditLog
from bridge.auth import DEVELOPMENT_ISSUER, development_secret, mint
from bridge.commands.running import run_until_asked
from bridge.errors import BridgeError
from bridge.observability import AdminClient
from bridge.settings import Settings, load_settings
from tests.support.bridge import eventually
from tests.support.patience import PATIENCE


def settings(data: Path, **options: str) -> Settings:
    given = {"http.listen": "127.0.0.1:0", "media.listen": "127.0.0.1:0", "data.directory": str(data), **options}
    return load_settings(environment={}, options={key: ("test", text) for key, text in given.items()})


@pytest.fixture
async def bridge(tmp_path: Path) -> AsyncIterator[Application]:
    application = Application(settings(tmp_path), development=True)
    await application.start()
    yield application
    await application.close()


def token(data: Path, identity: str, role: str = "fastlege") -> str:
    return mint(
        development_secret(data, create=False),
        issuer=DEVELOPMENT_ISSUER,
        audience="bridge",
        room="time-1",
        identity=identity,
        name="Kari Nordmann",
        role=role,
        issued_at=time.time(),
        ttl=60,
    )


async def join(bridge: Application, data: Path, identity: str) -> ClientConnection:
    door = await websockets.connect(f"ws://127.0.0.1:{bridge.http_port}/v1/signal")
    await door.send(json.dumps({"type": "join", "id": 1, "token": token(data, identity)}))
    assert json.loads(await door.recv())["type"] == "joined"
    return door


async def get(bridge: Application, path: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        return await client.get(f"http://127.0.0.1:{bridge.http_port}{path}")


async def test_it_answers_whether_it_is_well(bridge: Application) -> None:
    for path in ("/healthz", "/readyz"):
        answer = await get(bridge, path)
        assert (answer.status_code, answer.json()["status"]) == (200, "ok")


async def test_a_bridge_whose_own_disk_takes_no_records_has_new_calls_sent_elsewhere(
    bridge: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AuditLog, "writable", False)
    answer = await get(bridge, "/readyz")
    assert (answer.status_code, answer.json()["checks"]["audit_writable"]) == (503, False)
    assert (await get(bridge, "/healthz")).status_code == 200
    assert "bridge_audit_writable 0.0" in (await get(bridge, "/metrics")).text


async def test_operators_see_rooms_and_figures_and_nobody_by_name(
    bridge: Application, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "bridge")
    doors = [await join(bridge, tmp_path, identity) for identity in ("01017012345", "ola")]
    rooms = await asyncio.to_thread(AdminClient(tmp_path).ask, "rooms")
    assert rooms == [
        {
            "room": "dev/time-1",
            "participants": 2,
            "test_legs": 0,
            "waiting": 0,
            "connected": 2,
            "sources": 0,
            "legs": [],
        }
    ]
    assert await asyncio.to_thread(AdminClient(tmp_path).ask, "report", "dev/time-1") == [], "no media yet"
    assert await asyncio.to_thread(AdminClient(tmp_path).ask, "report", "dev/none") is None
    figures = (await get(bridge, "/metrics")).text
    assert "bridge_rooms 1.0" in figures
    assert "bridge_participants 2.0" in figures
    assert 'bridge_joins_total{door="websocket"} 2.0' in figures
    assert "bridge_worker_packets_total" in figures
    for door in doors:
        await door.close()
    for private in ("Kari", "01017012345", "eyJ"):
        assert private not in figures + json.dumps(rooms) + caplog.text


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def closing_notice(door: ClientConnection) -> dict[str, Any]:
    while True:
        notice: dict[str, Any] = json.loads(await door.recv())
        if notice["type"] == "closing":
            return notice


@pytest.fixture
def terminal() -> Iterator[None]:
    """The tests themselves may have been started to outlive theirs (`nohup`)."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_ends_calls_with_a_notice(tmp_path: Path, number: signal.Signals, terminal: None) -> None:
    bridge = Application(settings(tmp_path), development=True)
    await bridge.start()
    running = asyncio.create_task(run_until_asked(bridge))
    doors: Sequence[ClientConnection] = [await join(bridge, tmp_path, identity) for identity in ("kari", "ola")]
    os.kill(os.getpid(), number)
    notices = await asyncio.gather(*map(closing_notice, doors))
    assert [notice["code"] for notice in notices] == ["shutting_down"] * 2
    await running
    await asyncio.gather(*(door.wait_closed() for door in doors))
    assert [door.close_code for door in doors] == [1001, 1001]
    audit = ["audit.head", "audit.key", "audit.pub", "bridge.sqlite3"]
    others = ["development.key", "invitations.sqlite3", "lock", "rooms.complete", "signin.key"]
    assert names_in(tmp_path) == [*audit, *others]


async def test_who_asks_again_after_a_while_is_left_to_the_system(
    bridge: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def close_for_ever() -> None:
        await eventually(lambda: signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)

    monkeypatch.setattr("bridge.commands.running.SAME_REQUEST_SECONDS", 0.1)
    with monkeypatch.context() as hanging:
        hanging.setattr(bridge, "close", close_for_ever)
        running = asyncio.create_task(run_until_asked(bridge))
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGTERM)
        await running


async def test_a_bridge_that_was_started_to_outlive_its_terminal_does(bridge: Application) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        running = asyncio.create_task(run_until_asked(bridge))
        await asyncio.sleep(0)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        os.kill(os.getpid(), signal.SIGTERM)
        await running
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_what_was_started_is_ended_when_the_rest_cannot_start(bridge: Application, tmp_path: Path) -> None:
    taken = f"127.0.0.1:{bridge.http_port}"
    other = Application(settings(tmp_path / "other", **{"http.listen": taken}), development=True)
    with pytest.raises(BridgeError, match="HTTP cannot be served") as caught:
        await other.start()
    assert taken in caught.value.message
    # Its data directory and everything else is free again.
    again = Application(settings(tmp_path / "other"), development=True)
    await again.start()
    await again.close()
    assert (await get(bridge, "/readyz")).status_code == 200


async def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    bridge = Application(settings(tmp_path), development=True)
    await bridge.start()
    await bridge.close()
    await bridge.close()


async def test_two_bridges_run_side_by_side(bridge: Application, tmp_path: Path) -> None:
    other = Application(settings(tmp_path / "other"), development=True)
    await other.start()
    async with await join(bridge, tmp_path, "kari"):
        assert await asyncio.to_thread(AdminClient(tmp_path / "other").ask, "rooms") == []
        # The keys differ: a token of one opens nothing at the other.
        async with await websockets.connect(f"ws://127.0.0.1:{other.http_port}/v1/signal") as door:
            await door.send(json.dumps({"type": "join", "id": 1, "token": token(tmp_path, "kari")}))
            assert json.loads(await door.recv())["code"] == "token_bad_signature"
    await other.close()


async def test_a_host_gets_no_link_that_leads_nowhere(bridge: Application, tmp_path: Path) -> None:
    door = await join(bridge, tmp_path, "doctor")
    answers = {}
    for number, role in enumerate(("pasient", "parorende"), start=2):
        await door.send(json.dumps({"type": "create_invitation", "id": number, "role": role}))
        while (answer := json.loads(await door.recv())).get("reply_to") != number:
            pass
        answers[role] = answer.get("code") or answer["type"]
    assert answers == {"pasient": "signin_impossible", "parorende": "invitation"}, "nobody can sign in here"
    await door.close()
