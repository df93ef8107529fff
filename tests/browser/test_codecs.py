"""Each codec that browsers send is forwarded, to the same browser and to the other one: by WHIP in, by WHEP out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.browser.browsers import Browser, BrowserName, Page
from tests.support.bridge import Bridge
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
