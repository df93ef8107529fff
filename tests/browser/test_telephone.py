"""Parties with a telephone's codecs talk with Chromium by way of legs, and the keys they press arrive both ways."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.browser.browsers import Browser, Page
from tests.browser.test_page import enter
from tests.interop.test_gstreamer import GStreamerPeer
from tests.support.bridge import Bridge
from tests.support.media import BLUE, GREEN, RED, ColourTrack, Identity, ToneTrack
from tests.support.patience import PATIENCE
from tests.support.webrtc_http import Publisher, Viewer

pytestmark = pytest.mark.asyncio(loop_scope="module")
HERE = Path(__file__).parent
FIVE = (770, 1336)
"""Hertz of the key 5 (ITU-T Q.23)."""
NEAR = 25
PRESSED = 6000
"""Milliseconds: as long as browsers take, and time enough to listen."""


async def test_a_gstreamer_party_with_g711_and_chromium_hear_each_other_and_not_themselves(
    bridge: Bridge, room: str, chromium: Browser
) -> None:
    page = await enter(chromium, bridge, room, RED)
    token = bridge.token(room, "telephone", "pasient")
    colour = "".join(f"{part:02x}" for part in BLUE.colour)
    publish = ("publish", f"{bridge.url}/whip/{room}", "VP8", colour, str(BLUE.tone), "PCMA")
    view = ("view", f"{bridge.url}/whep/{room}", "VP8", "PCMA")

    def hears_red(said: dict[str, Any]) -> bool:
        tone = float(said.get("tone", 0))
        assert abs(tone - BLUE.tone) > NEAR, "it hears itself"
        return abs(tone - RED.tone) <= NEAR

    async with GStreamerPeer(token, *publish) as publisher:
        await publisher.until(lambda said: "negotiated" in said)
        await page.expect(BLUE)
        async with GStreamerPeer(token, *view) as viewer:
            await viewer.until(hears_red, times=25)
    await page.close()


async def test_a_party_with_g722_and_chromium_hear_each_other_and_not_themselves(
    bridge: Bridge, room: str, chromium: Browser
) -> None:
    page = await enter(chromium, bridge, room, RED)
    token = bridge.token(room, "telephone", "pasient")
    publisher = Publisher(f"{bridge.url}/whip/{room}", token)
    viewer = Viewer(f"{bridge.url}/whep/{room}", token)
    try:
        await publisher.publish([ToneTrack(GREEN), ColourTrack(GREEN)], "VP8", "G722")
        await page.expect(GREEN)
        await viewer.view(["audio"], only={"audio": "G722"})
        (watcher,) = viewer.watchers
        await watcher.expect(RED)
        assert GREEN not in watcher.seen, "it hears itself"
    finally:
        await viewer.close()
        await publisher.close()
        await page.close()


async def party(browser: Browser, bridge: Bridge, identity: Identity) -> Page:
    page = await browser.open(f"{bridge.url}/join", identity)
    scripts = "\n".join((HERE / name).read_text() for name in ("whip.js", "telephone.js"))
    await page.evaluate(f"void (() => {{ {scripts} }})()")
    return page


@pytest.mark.parametrize(("sent", "taken"), [("opus", "PCMA"), ("PCMU", "opus")])
async def test_a_key_that_is_pressed_is_heard_on_the_other_side_of_a_leg(
    bridge: Bridge, room: str, chromium: Browser, sent: str, taken: str
) -> None:
    presses, listens = [await party(chromium, bridge, identity) for identity in (RED, GREEN)]
    for page, act, codec, identity in ((presses, "publish", sent, RED), (listens, "listen", taken, GREEN)):
        door = "whip" if act == "publish" else "whep"
        token = bridge.token(room, identity.name)
        await page.evaluate(f"telephone.{act}('{bridge.url}/{door}/{room}', '{token}', '{codec}')")
    await hears(listens, (RED.tone,))
    await presses.evaluate(f"telephone.press('5', {PRESSED})")
    await hears(listens, FIVE)
    for page in (presses, listens):
        await page.close()


async def hears(page: Page, tones: tuple[int, ...], within: float = PATIENCE) -> None:
    """Waits until one of these tones is what is heard most."""
    heard: list[float] = []
    async with asyncio.timeout(within):
        while not any(abs(tone - wanted) <= NEAR for tone in heard[-1:] for wanted in tones):
            heard += await page.evaluate("received.tones()")
