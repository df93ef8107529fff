"""A real call leaves its records, which the command and the REST API give out."""

from __future__ import annotations

import asyncio
import csv
import json
import subprocess
from typing import Any

import httpx

from tests.support.bridge import BRIDGE, Bridge
from tests.support.media import GREEN, RED, ColourTrack, Identity, ToneTrack
from tests.support.participant import Participant
from tests.support.patience import PATIENCE


def export(bridge: Bridge, *arguments: str) -> str:
    command = [str(BRIDGE), "records", "export", "--data", str(bridge.data), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def sends(participant: Participant, identity: Identity) -> None:
    await participant.join()
    await participant.publish(ToneTrack(identity), ColourTrack(identity))


async def until_measured(vendor: httpx.AsyncClient) -> None:
    """Returns when the bridge has looked at both sessions, which it does every second or so."""
    counts = tuple(f'bridge_loss_ratio_count{{direction="{way}"}}' for way in ("in", "out"))

    async def counted() -> list[float]:
        lines = (await vendor.get("/metrics")).text.splitlines()
        return [float(line.split()[-1]) for line in lines if line.startswith(counts)]

    before = max(await counted(), default=0.0)
    async with asyncio.timeout(PATIENCE):
        while min(await counted(), default=0.0) < before + 9:  # noqa: ASYNC110 - the bridge is another process
            await asyncio.sleep(0.5)


async def records(vendor: httpx.AsyncClient, room: str, count: int) -> list[dict[str, Any]]:
    """All there are of a room, once there are so many."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found: list[dict[str, Any]] = (await vendor.get("/v1/records", params={"room": room})).json()["records"]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.2)


async def test_a_call_is_written_down_when_it_ends(bridge: Bridge, room: str) -> None:
    red = Participant(bridge.ws_url, bridge.token(room, "kari", "pasient", "--name", "Kari Nordmann"))
    green = Participant(bridge.ws_url, bridge.token(room, "dr-hansen", "fastlege"))
    headers = {"Authorization": f"Bearer {bridge.api_key()}"}
    async with httpx.AsyncClient(base_url=bridge.url, headers=headers, timeout=PATIENCE) as vendor:
        await sends(red, RED)
        await sends(green, GREEN)
        await (await red.watcher(green.id, "camera")).expect(GREEN)
        await until_measured(vendor)
        await red.close()
        await vendor.delete(f"/v1/rooms/{room}")
        # The bridge has ended the session: there is nothing left to leave.
        await green.vanish()
        told = await records(vendor, room, 3)
        events = (await vendor.get("/v1/events", params={"room": room})).json()["events"]
    exported = [json.loads(line) for line in export(bridge, "--from", "2020-01-01", "--tenant", "dev").splitlines()]
    assert [line for line in exported if line["room"] == room] == told
    table = list(csv.DictReader(export(bridge, "--format", "csv").splitlines()))
    assert [row["id"] for row in table if row["room"] == room] == [line["id"] for line in told]
    kari, doctor, call = told
    assert (kari["role"], doctor["role"], call["joins"]) == ("pasient", "fastlege", "fastlege:1,pasient:1")
    assert (kari["reason"], doctor["reason"], kari["door"]) == ("left", "ended", "websocket")
    for line in (kari, doctor):
        assert set(line["sent_codecs"].split(",")) == {"VP8", "opus"}
        assert set(line["received_codecs"].split(",")) == {"VP8", "opus"}
        assert line["protocol"] == "udp"
        assert line["sent_bytes"] > 0
        assert 1.0 <= line["sent_mos"] <= 4.5
    assert call["sessions"] == 2
    assert not {"kari", "dr-hansen", "Kari"} & set(json.dumps(told).replace('"', " ").split())
    assert [(each["type"], each["data"].get("identity")) for each in events if each["type"].endswith(".ended")] == [
        ("session.ended", "kari"),
        ("session.ended", "dr-hansen"),
        ("room.ended", None),
        ("call.ended", None),
    ]
