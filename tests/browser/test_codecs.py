"""Each codec that browsers send is forwarded, to the same browser and to the other one: by WHIP in, by WHEP out."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from tests.browser.browsers import Browser, BrowserName, Page
from tests.support.bridge import BRIDGE, Bridge
from tests.support.media import GREEN, RED, Identity

pytestmark = pytest.mark.asyncio(loop_scope="module")

Browsers = dict[BrowserName, Browser]

WHIP = (Path(__file__).parent / "whip.js").read_text()

IDENTITIES: dict[BrowserName, Identity] = {"chromium": RED, "firefox": GREEN}
"""Firefox has one tone for all its pages. Who views sends nothing: only the publisher can be seen and heard."""

CASES: list[tuple[BrowserName, BrowserName, str]] = [
    ("chromium", "chromium", "VP8"),
    ("chromium", "chromium", "H264"),
    ("chromium", "chromium", "VP9"),
    ("chromium", "chromium", "AV1"),
    ("chromium", "firefox", "VP8"),
    ("chromium", "firefox", "VP9"),
    ("chromium", "firefox", "AV1"),
    ("firefox", "chromium", "VP8"),
    ("firefox", "chromium", "VP9"),
    ("firefox", "chromium", "AV1"),
]
"""Who publishes, who views, and what is sent. Firefox's H.264 is a plug-in that it would have to download."""


async def open_page(browser: Browser, bridge: Bridge) -> Page:
    """A page of the bridge, with whip.js in it; without a link it does nothing of its own."""
    page = await browser.open(f"{bridge.url}/join", IDENTITIES[browser.name])
    await page.evaluate(f"void (() => {{ {WHIP} }})()")
    return page


@pytest.mark.parametrize(("sender", "receiver", "codec"), CASES, ids=["-".join(case) for case in CASES])
async def test_a_picture_in_this_codec_and_a_tone_in_opus_arrive(
    bridge: Bridge, room: str, browsers: Browsers, sender: BrowserName, receiver: BrowserName, codec: str
) -> None:
    publisher = await open_page(browsers[sender], bridge)
    viewer = await open_page(browsers[receiver], bridge)
    try:
        whip = [f"{bridge.url}/whip/{room}", bridge.token(room, "publisher"), codec]
        await publisher.evaluate(f"whip.publish(...{json.dumps(whip)})")
        whep = [f"{bridge.url}/whep/{room}", bridge.token(room, "viewer", "pasient")]
        await viewer.evaluate(f"whip.watch(...{json.dumps(whep)})")
        await viewer.expect(IDENTITIES[sender])
        assert await viewer.evaluate("whip.incoming()") == {"audio": "audio/opus", "video": f"video/{codec}"}
    finally:
        await viewer.close()
        await publisher.close()


ONLY = [("VP9", None), ("AV1", None), ("H264", "64001f")]
"""Codecs of pictures that a receiver may have alone, and the profile of H.264."""


async def test_who_takes_nothing_but_vp9_av1_or_high_profile_sees_who_sends_vp8(
    bridge: Bridge, room: str, browsers: Browsers
) -> None:
    publisher = await open_page(browsers["chromium"], bridge)
    whip = [f"{bridge.url}/whip/{room}", bridge.token(room, "publisher"), "VP8"]
    await publisher.evaluate(f"whip.publish(...{json.dumps(whip)})")

    async def watch(codec: str, profile: str | None) -> Page:
        viewer = await open_page(browsers["chromium"], bridge)
        whep = [f"{bridge.url}/whep/{room}", bridge.token(room, f"viewer-{codec}", "pasient"), codec, profile]
        await viewer.evaluate(f"whip.watch(...{json.dumps(whep)})")
        await viewer.expect(RED)
        assert (await viewer.evaluate("whip.incoming()"))["video"] == f"video/{codec}"
        return viewer

    viewers = await asyncio.gather(*(watch(*only) for only in ONLY))
    assert sorted(await targets(bridge, room)) == sorted(codec for codec, _ in ONLY)
    for page in (*viewers, publisher):
        await page.close()


async def targets(bridge: Bridge, room: str) -> list[str]:
    """What the legs of a room make, as the operator sees it."""
    command: list[str | Path] = [BRIDGE, "rooms", "--data", bridge.data, "--json"]
    rooms = json.loads(await asyncio.to_thread(subprocess.check_output, command))
    return [leg["target"] for each in rooms if each["room"].endswith(room) for leg in each["legs"]]
