"""A browser that sends H.264 only and one that has no H.264 see each other on the consultation page: by way of legs."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtest.participants import browsers as of_the_load_tester
from tests.browser.browsers import Browser, BrowserName, Page
from tests.browser.test_page import join, link
from tests.support.bridge import Bridge, eventually
from tests.support.legs import legs
from tests.support.media import GREEN, RED, Identity

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMITS = (Path(of_the_load_tester.__file__).parent / "codec_limits.js").read_text()


async def enter(browser: Browser, bridge: Bridge, room: str, identity: Identity, limits: str, role: str) -> Page:
    """Opens the link and joins with what `limits` says."""
    page = await browser.open(link(bridge, room, identity, role), identity)
    await page.evaluate(f"void (() => {{ {LIMITS}; {limits} }})()")
    await join(page)
    return page


async def incoming(page: Page) -> list[str]:
    """Codecs of the pictures that come in."""
    report = """(async () => {
      const codecs = [];
      for (const connection of received.connections) {
        const report = await connection.getStats();
        report.forEach(({ type, kind, codecId }) => {
          if (type === "inbound-rtp" && kind === "video") codecs.push(report.get(codecId)?.mimeType ?? null);
        });
      }
      return codecs;
    })()"""
    codecs: list[str] = await page.evaluate(report)
    return codecs


async def test_chromium_without_vp8_and_h264_is_offered_what_is_left(
    bridge: Bridge, room: str, browsers: dict[BrowserName, Browser]
) -> None:
    red = await enter(browsers["chromium"], bridge, room, RED, "codecLimits.receive('VP9')", "fastlege")
    green = await enter(browsers["firefox"], bridge, room, GREEN, "codecLimits.send('VP8')", "pasient")
    await red.expect(GREEN)
    assert await incoming(red) == ["video/VP9"]
    await green.press("Forlat samtalen")
    await red.expect()


async def test_chromium_with_h264_only_and_firefox_without_it_see_each_other(
    bridge: Bridge, room: str, browsers: dict[BrowserName, Browser]
) -> None:
    limits = "codecLimits.send('H264'); codecLimits.receive('H264')"
    red = await enter(browsers["chromium"], bridge, room, RED, limits, "fastlege")
    green = await enter(browsers["firefox"], bridge, room, GREEN, "", "pasient")
    await green.expect(RED)
    await red.expect(GREEN)
    assert await incoming(red) == ["video/H264"]
    assert await incoming(green) == ["video/VP8"]
    assert len(legs(bridge)) == 2
    await green.press("Forlat samtalen")
    await red.expect()
    await eventually(lambda: not legs(bridge))
