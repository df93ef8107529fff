"""A real bridge is killed during a call, and the next one tells what became of it."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests.support.bridge import BRIDGE, Bridge, eventually, running_bridge
from tests.support.patience import PATIENCE
from tests.support.told import SECRET, Receiver, audit

STORY = [
    *("room.started", "participant.joined", "participant.waiting"),
    *("session.ended", "participant.left", "session.ended", "participant.waiting_ended"),
    *("room.ended", "call.ended"),
]


async def read(bridge: Bridge, key: str, what: str) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(
        base_url=bridge.url, headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE
    ) as vendor:
        found: list[dict[str, Any]] = (await vendor.get(f"/v1/{what}", params={"room": "time-1"})).json()[what]
        return found


async def test_a_call_in_which_the_bridge_is_killed_is_ended_by_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENDOR_WEBHOOK_SECRET", SECRET)
    receiver, config = Receiver(), tmp_path / "bridge.toml"
    async with receiver.serve() as url:
        config.write_text(
            f'[[webhooks.endpoints]]\ntenant = "dev"\nurl = "{url}"\nsecret_env = "VENDOR_WEBHOOK_SECRET"\n'
        )
        with running_bridge(tmp_path / "bridge", "--config", str(config)) as bridge:
            key = bridge.api_key()
            doctor = bridge.token("time-1", "kari")
            patient = bridge.token("time-1", "ola", "pasient", "--enters", "lobby")
            async with websockets.connect(bridge.ws_url) as one, websockets.connect(bridge.ws_url) as other:
                for door, token in ((one, doctor), (other, patient)):
                    await door.send(json.dumps({"type": "join", "id": 1, "token": token}))
                    assert json.loads(await door.recv())["type"] in ("joined", "waiting")
                await eventually(lambda: len(receiver.told) == 3)
                bridge.kill()
            bridge.start()
            # Who comes back is in another call.
            async with websockets.connect(bridge.ws_url) as door:
                await door.send(json.dumps({"type": "join", "id": 1, "token": doctor}))
                assert json.loads(await door.recv())["type"] == "joined"
                await eventually(lambda: len(receiver.told) == len(STORY) + 2)
            again = len(receiver.told)
            assert [each["type"] for each in receiver.told] == [*STORY, "room.started", "participant.joined"]
            ends = receiver.told[3 : len(STORY)]
            assert {each["data"]["reason"] for each in ends} == {"interrupted"}
            assert [each["data"].get("identity") for each in ends] == ["kari", "kari", "ola", "ola", None, None]
            records = await read(bridge, key, "records")
            assert [(each["record"], each.get("role")) for each in records] == [
                ("session", "fastlege"),
                ("session", "pasient"),
                ("call", None),
            ]
            call = records[-1]
            assert {(each["call"], each["reason"], each["ended"]) for each in records} == {
                (call["call"], "interrupted", call["ended"])
            }
            wanted = {"sessions": 2, "most_participants": 1, "joins": "fastlege:1", "waits": 1}
            assert {name: call[name] for name in wanted} == wanted
            killed = max(each["timestamp"] for each in receiver.told[:3])
            assert killed <= call["ended"] < ends[0]["timestamp"], "it ran until the last sign of life"
            # Once more, and now in order: what was interrupted is over.
            bridge.stop()
            bridge.start()
            assert (await read(bridge, key, "records"))[:3] == records
            events = await read(bridge, key, "events")
            assert [each["type"] for each in events[:again]] == [each["type"] for each in receiver.told[:again]]
            assert [each["type"] for each in events].count("call.ended") == 2
            assert events[-1]["data"]["reason"] == "shutting_down"
            assert events[-1]["data"]["call"] != call["call"]
            await audit(bridge, "verify")
            exported = await asyncio.to_thread(
                subprocess.check_output, [str(BRIDGE), "records", "--data", str(bridge.data), "export"]
            )
            assert [json.loads(line)["record"] for line in exported.splitlines()][:3] == ["session", "session", "call"]
