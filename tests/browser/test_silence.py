"""Silence that a leg does not send (DTX), in Chromium: it hears quiet, no gaps, and the next word as any other."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import av
import numpy as np
import pytest

from loadtest.emulator.reading import read_link
from loadtest.emulator.relay import Relay
from tests.browser.browsers import Browser, Page
from tests.browser.test_lossy_sound import SCRIPT, SECOND, heard
from tests.support.bridge import Bridge
from tests.support.media import GREEN, RED, SAMPLE_RATE, ToneTrack
from tests.support.webrtc_http import Publisher

pytestmark = pytest.mark.asyncio(loop_scope="module")

LINE = read_link(down="rate=80k,delay=20ms,queue=300ms")
"""Thin for whoever makes sound for it, and enough for that."""
SAID, QUIET = 2, 3
"""Seconds."""
ALL = 50
"""Packets a second where silence is sent."""


class Words(ToneTrack):
    """The tone for some seconds, and nothing for some."""

    async def recv(self) -> av.AudioFrame:
        frame = await super().recv()
        assert frame.pts is not None
        if frame.pts % ((SAID + QUIET) * SAMPLE_RATE) < SAID * SAMPLE_RATE:
            return frame
        quiet = av.AudioFrame.from_ndarray(np.zeros((1, frame.samples), np.int16), format="s16", layout="mono")
        quiet.sample_rate, quiet.pts, quiet.time_base = frame.sample_rate, frame.pts, frame.time_base
        return quiet


async def round_of(page: Page) -> dict[str, Any]:
    """What comes in one round of words and silence, with the packets of each second that is heard."""
    found = await heard(page, "line", seconds=SAID + QUIET)
    return {**found, "rate": found["packets"] * SECOND / found["samples"]}


async def test_chromium_hears_no_gap_where_silence_is_not_sent(bridge: Bridge, room: str, chromium: Browser) -> None:
    talker = Publisher(f"{bridge.url}/whip/{room}", bridge.token(room, "talker", "pasient"))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(talker.close)
        await talker.publish([Words(GREEN)], audio_codec="PCMU")
        page = await chromium.open(f"{bridge.url}/join", RED)
        stack.push_async_callback(page.close)
        await page.evaluate(f"void (() => {{ {SCRIPT} }})()")
        host, port = bridge.media_address.rsplit(":", 1)
        relay = await stack.enter_async_context(Relay(("127.0.0.1", 0), (host, int(port)), LINE, seed=1))
        options = {"url": f"{bridge.url}/whep/{room}", "token": bridge.token(room, "listener", "tolk")}
        asked = {**options, "port": relay.address[1], "red": False, "nack": False}
        await page.evaluate(f"lossySound.hear('line', {json.dumps(asked)})")
        # The bridge learns what the line carries first.
        async with asyncio.timeout(240):
            while (last := await round_of(page))["rate"] > 0.7 * ALL:
                print(last)
        rounds = [await round_of(page) for _ in range(3)]
        for each in rounds:
            print(each)
        samples, concealed, silent = (sum(each[name] for each in rounds) for name in ("samples", "concealed", "silent"))
        # Three fifths of it are silence, of which a packet comes every 200 ms.
        assert concealed - silent < 0.05 * samples
        tones: list[float] = []
        async with asyncio.timeout(60):
            while not any(abs(tone - GREEN.tone) <= 25 for tone in tones):
                tones = await page.evaluate("received.tones()")
