"""Six people in one picture, in a real browser: each tile shows the right person, and says who it is."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from bridge.transcode.compose import Arrangement, Party, arrange
from tests.browser.browsers import Browser, Driver, Page
from tests.browser.test_page import join
from tests.support.bridge import Bridge
from tests.support.legs import legs
from tests.support.media import (
    BLUE,
    CYAN,
    GREEN,
    MAGENTA,
    RED,
    YELLOW,
    ColourTrack,
    Identity,
    ToneTrack,
    identity_of_colour,
)
from tests.support.participant import Participant
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES = {
    GREEN: "Åse Ærlig Øverås",
    BLUE: "Bjørn Håkon Sæther",
    YELLOW: "Ćazim Đurić",
    CYAN: "Máret Ánne Čáhci",
    MAGENTA: "Zoë O’Brien-Ångström",
}

SIZE = """(() => {
  const video = document.querySelector(".screens .tile video");
  return [video?.videoWidth ?? 0, video?.videoHeight ?? 0];
})()"""
PICTURES = 'document.querySelector(".screens .tile video").getVideoPlaybackQuality().totalVideoFrames'
COLOURS = """((rects) => {
  const video = document.querySelector(".screens .tile video");
  if (!video?.videoWidth) return null;
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(video, 0, 0);
  return rects.map(([x, y, width, height]) => {
    const { data } = context.getImageData(x, y, width, height);
    const sums = [0, 0, 0];
    data.forEach((value, index) => index % 4 < 3 && (sums[index % 4] += value));
    return sums.map((sum) => sum / (width * height));
  });
})"""
"""The mean colours of parts of the composed picture; null before it comes."""


@contextlib.asynccontextmanager
async def five(bridge: Bridge, room: str) -> AsyncIterator[str]:
    """Five people of whom each publishes its colour, the last with its microphone off; the token of a sixth."""
    names = {**NAMES, RED: "Kåre Rød"}
    # Made before anyone joins: whoever waits for a process answers nobody meanwhile.
    tokens = [bridge.token(room, identity.name, "fastlege", "--name", name) for identity, name in names.items()]
    joined = [Participant(bridge.ws_url, token) for token in tokens[:-1]]
    try:
        for participant, identity in zip(joined, NAMES, strict=True):
            await participant.join(subscribe="none")
            await participant.publish(ColourTrack(identity, 160, 120), ToneTrack(identity))
        microphone = next(each for each in joined[-1].published["sources"] if each["kind"] == "audio")
        await joined[-1].request("update_source", source_id=microphone["id"], muted=True)
        yield tokens[-1]
    finally:
        await asyncio.gather(*(participant.close() for participant in joined))


async def shown(page: Page) -> list[Identity | None] | None:
    """Whose colour each tile of the composed picture has, in order; None before there is one."""
    width, height = await page.evaluate(SIZE)
    if not width:
        return None
    return await colours_of(page, arrange("auto", width, height, [Party(str(index), 4 / 3) for index in range(6)]))


async def colours_of(page: Page, arranged: Arrangement) -> list[Identity | None] | None:
    """Whose colour each tile has, if the picture is arranged like this."""
    places = [tile.picture for tile in arranged.tiles]
    rects = [
        [place.x + place.width // 4, place.y + place.height * 5 // 8, place.width // 2, place.height // 4]
        for place in places
    ]
    colours = await page.evaluate(f"{COLOURS}({json.dumps(rects)})")
    return None if colours is None else [identity_of_colour(tuple(colour)) for colour in colours]


async def speaker(page: Page, identities: Sequence[Identity]) -> Identity | None:
    """Who of these, in order of joining, stands large above the others in the layout for speakers; None for nobody."""
    width, height = await page.evaluate(SIZE)
    for speaks, identity in enumerate(identities) if width else ():
        parties = [Party(str(index), 4 / 3, speaking=index == speaks) for index in range(len(identities))]
        arranged = arrange("speaker", width, height, parties)
        if await colours_of(page, arranged) == [identities[int(tile.id)] for tile in arranged.tiles]:
            return identity
    return None


async def expect(page: Page, *identities: Identity, within: float = PATIENCE) -> None:
    """Waits until the composed picture shows just these, in this order."""
    deadline = asyncio.get_running_loop().time() + within
    while (seen := await shown(page)) != list(identities):
        assert asyncio.get_running_loop().time() < deadline, f"saw {seen}"
        await asyncio.sleep(0.2)


async def choose(page: Page, value: str, what: str = "choose-view") -> None:
    """Chooses in the settings, as a person does."""
    await page.press("Oppsett")
    await page.evaluate(
        "void ((select) => { select.value = " + json.dumps(value) + "; select.dispatchEvent(new Event('change')); })"
        f"(document.getElementById('{what}'))"
    )
    await page.press("Lukk")


async def test_six_people_in_one_picture_each_in_its_place(
    bridge: Bridge, room: str, driver: Driver, tmp_path: Path
) -> None:
    browser: Browser = await driver.launch("chromium")
    async with five(bridge, room) as token:
        page = await browser.open(f"{bridge.url}/join#{token}", RED)
        await join(page)
        await choose(page, "composed")
        await expect(page, *NAMES, RED)
        await page.screenshot(tmp_path / "composed.png")
        # There is nothing else to be seen, and everyone to be heard as before.
        assert await page.evaluate("document.querySelectorAll('.stage .tile').length") == 1
        (leg,) = legs(bridge)
        os.kill(leg, signal.SIGKILL)
        seen = await page.evaluate(PICTURES)
        await page.wait(f"{PICTURES} > {seen} + 10")
        await expect(page, *NAMES, RED)
        # On a telephone: the same picture, upright, and then with whoever speaks large.
        await page.emulate(width=390, height=844)
        await page.wait(f"(([width, height]) => height > width)({SIZE})")
        await expect(page, *NAMES, RED)
        await page.screenshot(tmp_path / "upright.png")
        assert await speaker(page, [*NAMES, RED]) is None
        await choose(page, "speaker", "choose-layout")
        deadline = asyncio.get_running_loop().time() + 60
        while await speaker(page, [*NAMES, RED]) is None:
            assert asyncio.get_running_loop().time() < deadline, "nobody stands large above the others"
            await asyncio.sleep(0.2)
        await page.screenshot(tmp_path / "speaker.png")
        await page.emulate(width=1280, height=800)
        await choose(page, "separate")
        await page.wait("document.querySelectorAll('.people .tile.has-picture').length === 6")
        await page.wait("!document.querySelector('.is-composed')")
