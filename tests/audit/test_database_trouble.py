"""A real bridge in mid-call whose PostgreSQL server has no space left, or falls and is taken over from."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.audit.test_running import audit, join
from tests.support.bridge import Bridge, running_bridge
from tests.support.patience import PATIENCE
from tests.support.postgres import Cluster

WANTED = {"room": "time-1", "role": "tolk", "lifetime": 3600}


@pytest.fixture
def server(cluster: Cluster) -> Iterator[Cluster]:
    """A server that the test does with as it likes; the next one finds it running as it was."""
    yield cluster
    if cluster.process is None:
        cluster.start()


@contextlib.asynccontextmanager
async def vendor(bridge: Bridge, key: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=bridge.url, headers=headers, timeout=PATIENCE) as client:
        yield client


async def make(client: httpx.AsyncClient) -> tuple[int, dict[str, Any]]:
    answer = await client.post("/v1/invitations", json=WANTED)
    return answer.status_code, answer.json()


async def open_rooms_until(bridge: Bridge, wanted: str, name: str, doors: contextlib.AsyncExitStack) -> list[str]:
    """Opens rooms one after the other until the door says so; the rooms that were opened."""
    opened: list[str] = []
    async with asyncio.timeout(PATIENCE):
        for number in range(10_000):
            room = f"{name}-{number}"
            said = await join(bridge, room, "kari", doors)
            if said == wanted:
                return opened
            assert said in ("joined", "records_unavailable")
            if said == "joined":
                opened.append(room)
            await asyncio.sleep(0.01)
    raise AssertionError(f"never {wanted}")


async def told_of(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await client.get("/v1/events", params={"limit": 500, **({"cursor": cursor} if cursor else {})})).json()
        if not page["events"]:
            return events
        events += page["events"]
        cursor = page["next_cursor"]


def written(bridge: Bridge) -> list[dict[str, Any]]:
    """The entries, of a log that holds."""
    verdict = audit(bridge.data, "verify")
    assert verdict.returncode == 0, verdict.stdout
    return [json.loads(line) for line in audit(bridge.data, "export").stdout.splitlines()]


async def test_a_full_server_refuses_new_rooms_and_loses_nothing(
    server: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.ExitStack() as stack:
        try:
            disk = stack.enter_context(server.small_disk(32 * 2**20))
        except PermissionError as error:
            pytest.skip(str(error))
        database = server.database(disk.folder.name)
        stack.callback(server.sql, f"DROP DATABASE {database} WITH (FORCE)")
        monkeypatch.setenv("BRIDGE_STORAGE_URL", server.url(database))
        with running_bridge(tmp_path) as bridge:
            key = bridge.api_key()
            async with vendor(bridge, key) as client, contextlib.AsyncExitStack() as doors:
                assert await join(bridge, "time-1", "kari", doors) == "joined"
                status, first = await make(client)
                assert status == 201
                disk.fill()
                opened = await open_rooms_until(bridge, "records_unavailable", "full", doors)
                # What has space on a page that is there already is kept; what has not is refused, and says so.
                made = [first]
                async with asyncio.timeout(PATIENCE):
                    while (answer := await make(client))[0] == 201:
                        made.append(answer[1])
                assert (answer[0], answer[1]["code"]) in ((503, "invitations_unavailable"), (503, "audit_unavailable"))
                # The call goes on, others may come, and what there is can be read.
                assert await join(bridge, "time-1", "ola", doors) == "joined"
                assert (await client.get("/v1/rooms/time-1/participants")).status_code == 200
                assert (await client.get("/v1/events")).status_code == 200
                disk.clear()
                await open_rooms_until(bridge, "joined", "after", doors)
                listed = (await client.get("/v1/invitations", params={"limit": 500})).json()["invitations"]
                assert {each["id"] for each in made} <= {each["id"] for each in listed}
                assert (await make(client))[0] == 201
                events = await told_of(client)
            bridge.stop()
            rooms = {entry["room"] for entry in written(bridge) if entry.get("kind") == "room_opened"}
        assert {"time-1", *opened} <= rooms
        came = [each["data"]["identity"] for each in events if each["type"] == "participant.joined"]
        assert "ola" in came


async def test_a_standby_takes_over_in_mid_call_and_nothing_acknowledged_is_lost(
    server: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = server.database()
    with server.standby() as standby:
        server.stop()
        server.start("synchronous_standby_names=*")
        hosts = f"{server.folder},{standby.folder}"
        monkeypatch.setenv("BRIDGE_STORAGE_URL", f"postgresql://bridge@/{database}?host={hosts}&port={server.port}")
        with running_bridge(tmp_path) as bridge:
            async with vendor(bridge, bridge.api_key()) as client, contextlib.AsyncExitStack() as doors:
                assert await join(bridge, "time-1", "kari", doors) == "joined"
                made = [(await make(client))[1]["id"] for _ in range(20)]
                server.kill()
                await open_rooms_until(bridge, "records_unavailable", "falls", doors)
                assert await join(bridge, "time-1", "ola", doors) == "joined"
                assert (await make(client))[0] == 503
                await asyncio.to_thread(standby.promote)
                await open_rooms_until(bridge, "joined", "stands", doors)
                async with asyncio.timeout(PATIENCE):
                    while (await make(client))[0] != 201:  # noqa: ASYNC110 - another process
                        await asyncio.sleep(0.1)
                listed = [each["id"] for each in (await client.get("/v1/invitations")).json()["invitations"]]
                assert listed[: len(made)] == made
                told = await told_of(client)
            # Rooms opened for others, too, until the bridge noticed.
            came = [each["data"] for each in told if each["type"] == "participant.joined"]
            assert [each["identity"] for each in came if each["room"] == "time-1"] == ["kari", "ola"]
            bridge.stop()
            kinds = [entry["kind"] for entry in written(bridge) if entry["type"] == "entry"]
        assert kinds.count("invitation_created") >= len(made)
        assert "audit_resumed" in kinds
