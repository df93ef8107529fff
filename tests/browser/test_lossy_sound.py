"""Sound over a line that loses packets, in Chromium: what redundancy made by the bridge (RFC 2198) saves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.browser.browsers import Browser, Page, running_driver
from tests.support.bridge import Bridge
from tests.support.media import GREEN, RED, ToneTrack
from tests.support.namespace import Network
from tests.support.participant import Participant
from tests.support.relay import LossyRelay

pytestmark = [pytest.mark.xdist_group("browsers"), pytest.mark.asyncio(loop_scope="module")]

SCRIPT = (Path(__file__).parent / "lossy_sound.js").read_text()
SECOND = 48_000
"""Samples."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium(network: Network) -> AsyncIterator[Browser]:
    """Chromium, started once."""
    async with running_driver() as driver:
        yield await driver.launch("chromium")


async def heard(page: Page, name: str, *, seconds: int) -> dict[str, Any]:
    """What is heard over a line in so much time of its own: differences of its counters."""

    async def look() -> dict[str, Any]:
        found = None
        while not found:
            found = await page.evaluate(f"lossySound.heard('{name}')")
        return dict(found)

    before = now = await look()
    async with asyncio.timeout(60 + 3 * seconds):
        while now["samples"] - before["samples"] < seconds * SECOND:
            await asyncio.sleep(0.5)
            now = await look()
    return {key: now[key] - before[key] for key in now}


@pytest.mark.parametrize("loss", [0.05, 0.1])
async def test_redundancy_hides_what_the_line_loses(bridge: Bridge, room: str, chromium: Browser, loss: float) -> None:
    talker = Participant(bridge.ws_url, bridge.token(room, "talker"))
    lines = {"plain": (False, False), "red": (True, False), "nack": (False, True), "both": (True, True)}
    async with AsyncExitStack() as stack:
        stack.push_async_callback(talker.close)
        await talker.join()
        await talker.publish(ToneTrack(GREEN))
        page = await chromium.open(f"{bridge.url}/join", RED)
        stack.push_async_callback(page.close)
        await page.evaluate(f"void (() => {{ {SCRIPT} }})()")
        host, port = bridge.media_address.rsplit(":", 1)
        agreed = {}
        relays = {}
        for name, (red, nack) in lines.items():
            relays[name] = relay = await stack.enter_async_context(LossyRelay((host, int(port)), loss, seed=7))
            options = {"url": f"{bridge.url}/whep/{room}", "token": bridge.token(room, f"{name}-listener", "pasient")}
            asked = {**options, "port": relay.port, "red": red, "nack": nack}
            agreed[name] = await page.evaluate(f"lossySound.hear('{name}', {json.dumps(asked)})")
        assert agreed == {name: {"red": red, "nack": nack} for name, (red, nack) in lines.items()}
        # The bridge learns of the loss from the receivers' feedback first.
        await heard(page, "red", seconds=10)
        figures = dict(
            zip(lines, await asyncio.gather(*(heard(page, name, seconds=30) for name in lines)), strict=True)
        )
        share = {name: figure["concealed"] / figure["samples"] for name, figure in figures.items()}
        for name, figure in figures.items():
            print(f"loss {loss:.0%} {name:5}: {share[name]:.2%} concealed; {figure}")
        assert share["plain"] > 0.5 * loss
        assert share["red"] < 0.3 * share["plain"]
        # By payload type: nearly all that came over this line was redundant, also what was lost of it.
        assert relays["red"].lost[63] > 3 * relays["red"].lost[111]
        tones = await page.evaluate("received.tones()")
        assert all(abs(tone - GREEN.tone) <= 25 for tone in tones), tones
