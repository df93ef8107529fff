"""A bridge that is killed before the vendor took a message tells it when it is back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest
import websockets

from tests.support.bridge import running_bridge
from tests.support.patience import PATIENCE
from tests.webhooks.test_webhooks import Receiver


async def test_nothing_is_lost_when_the_bridge_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENDOR_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    refuses, asked = True, asyncio.Event()

    def fails() -> bool:
        asked.set()
        return refuses

    receiver = Receiver(fails)
    async with receiver.serve() as url:
        config = tmp_path / "bridge.toml"
        config.write_text(
            f'[[webhooks.endpoints]]\ntenant = "dev"\nurl = "{url}"\nsecret_env = "VENDOR_WEBHOOK_SECRET"\n'
        )
        with running_bridge(tmp_path / "bridge", "--config", str(config)) as bridge:
            token = bridge.token("time-1", "kari")
            async with websockets.connect(bridge.ws_url) as door:
                await door.send(json.dumps({"type": "join", "id": 1, "token": token}))
                assert json.loads(await door.recv())["type"] == "joined"
                await asyncio.wait_for(asked.wait(), PATIENCE)
                bridge.kill()
            assert not receiver.taken
            refuses = False
            bridge.start()
            async with asyncio.timeout(PATIENCE):
                while len(receiver.taken) < 2:  # noqa: ASYNC110 - the bridge is another process
                    await asyncio.sleep(0.05)
            first, second = receiver.taken[:2]
            assert [first["type"], second["type"]] == ["room.started", "participant.joined"]
            assert second["data"]["identity"] == "kari"
            headers = {"Authorization": f"Bearer {bridge.api_key()}"}
            async with httpx.AsyncClient(base_url=bridge.url, headers=headers, timeout=PATIENCE) as vendor:
                read = (await vendor.get("/v1/events", params={"limit": 2})).json()
                assert [(each["type"], each["data"]) for each in read["events"]] == [
                    (each["type"], each["data"]) for each in (first, second)
                ]
                wanted = {"first": read["events"][0]["id"], "last": read["next_cursor"]}
                receiver.ids.clear()
                again = await vendor.post("/v1/webhooks/replay", json=wanted)
                assert (again.status_code, again.json()) == (202, {"events": 2})
            async with asyncio.timeout(PATIENCE):
                while receiver.taken.count(second) < 2:  # noqa: ASYNC110 - the bridge is another process
                    await asyncio.sleep(0.05)
    assert receiver.taken.count(first) == 2
