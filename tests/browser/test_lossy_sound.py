"""Sound over a line that loses packets, in Chromium: redundancy (RFC 2198) made by the bridge, and by who speaks."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.browser.browsers import Browser, Page
from tests.browser.test_page import id_of, join, link
from tests.support.bridge import Bridge
from tests.support.media import GREEN, RED, ToneTrack
from tests.support.participant import Participant
from tests.support.relay import LossyRelay

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCRIPT = (Path(__file__).parent / "lossy_sound.js").read_text()
SECOND = 48_000
"""Samples."""
PUBLISHED_THROUGH = """
void (() => {
  const take = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
    const changed = type === "answer" ? sdp.replaceAll("%s typ host", "127.0.0.1 %s typ host") : sdp;
    return take.call(this, { type, sdp: changed });
  };
})()
"""
"""Has what the page publishes from now on go to a port of this machine in place of the bridge's address and port."""
LOSS = 0.1
"""The share of packets: a hundred of the thousand that are looked at."""


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


async def test_redundancy_hides_what_the_line_loses(bridge: Bridge, room: str, chromium: Browser) -> None:
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
            relays[name] = relay = await stack.enter_async_context(LossyRelay((host, int(port)), LOSS, seed=7))
            options = {"url": f"{bridge.url}/whep/{room}", "token": bridge.token(room, f"{name}-listener", "pasient")}
            asked = {**options, "port": relay.port, "red": red, "nack": nack}
            agreed[name] = await page.evaluate(f"lossySound.hear('{name}', {json.dumps(asked)})")
        assert agreed == {name: {"red": red, "nack": nack} for name, (red, nack) in lines.items()}
        # The bridge learns of the loss from the receivers' feedback first.
        await heard(page, "red", seconds=10)
        figures = dict(
            zip(lines, await asyncio.gather(*(heard(page, name, seconds=20) for name in lines)), strict=True)
        )
        share = {name: figure["concealed"] / figure["samples"] for name, figure in figures.items()}
        for name, figure in figures.items():
            print(f"loss {LOSS:.0%} {name:5}: {share[name]:.2%} concealed; {figure}")
        # What is made up where all is repaired is the doing of a machine that is late, and all lines have it alike.
        plain, red = (share[name] - share["both"] for name in ("plain", "red"))
        assert plain > 0.5 * LOSS
        assert red < 0.3 * plain
        # By payload type: nearly all that came over this line was redundant, also what was lost of it.
        assert relays["red"].lost[63] > 3 * relays["red"].lost[111]
        tones = await page.evaluate("received.tones()")
        assert all(abs(tone - GREEN.tone) <= 25 for tone in tones), tones


async def test_who_speaks_over_a_lossy_line_repeats_it(bridge: Bridge, room: str, chromium: Browser) -> None:
    """By payload type, as it leaves; and who does not take redundancy hears it all the same."""
    host, port = bridge.media_address.rsplit(":", 1)
    async with AsyncExitStack() as stack:
        listener = Participant(bridge.ws_url, bridge.token(room, "listener", "pasient"))
        stack.push_async_callback(listener.close)
        await listener.join()
        relay = await stack.enter_async_context(LossyRelay((host, int(port)), 0.0, seed=7, upwards=0.05))
        page = await chromium.open(link(bridge, room, GREEN), GREEN)
        stack.push_async_callback(page.close)
        await page.evaluate(PUBLISHED_THROUGH % (f"{host} {port}", relay.port))
        await join(page)
        person = await id_of(listener, GREEN)
        microphone = await listener.watcher(person, "microphone")
        await microphone.expect(GREEN, within=15)
        async with asyncio.timeout(90):
            while relay.sent[63] < 250:
                await microphone.more(10)
        plain = relay.sent[111]
        await microphone.expect(GREEN, within=15)
        async with asyncio.timeout(30):
            while relay.sent[63] < 500:
                await microphone.more(10)
        assert relay.sent[111] == plain, "from then on, all of it"
        relay.upwards = 0.0
        await microphone.expect(GREEN, within=15)
