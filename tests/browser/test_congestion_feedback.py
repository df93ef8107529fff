"""Chromium with feedback by source (RFC 8888) in place of the transport-wide one, as publisher and as viewer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.browser.browsers import Browser, Page, running_driver
from tests.support.bridge import Bridge
from tests.support.flight import recorded
from tests.support.media import RED
from tests.support.namespace import Network

pytestmark = [pytest.mark.xdist_group("browsers"), pytest.mark.asyncio(loop_scope="module")]

WHIP = (Path(__file__).parent / "whip.js").read_text()

TRIAL = "--force-fieldtrials=WebRTC-RFC8888CongestionControlFeedback/Enabled,offer:true/"
START = 300_000
"""What both estimate at first, in bit/s."""

BY_SOURCE_ALONE = r"""
const original = window.fetch;
window.fetch = (url, options) => {
  if (options?.body) options.body = options.body.replace(/a=rtcp-fb:\d+ transport-cc\r\n/g, "");
  window.offered = options?.body ?? window.offered;
  return original(url, options);
};
"""
"""Takes transport-wide feedback out of what is offered."""

OUTGOING = """(async () => {
  for (const connection of received.connections) {
    for (const stats of (await connection.getStats()).values()) {
      if (stats.type === "candidate-pair" && stats.availableOutgoingBitrate > %d) return true;
    }
  }
  return false;
})()"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium(network: Network) -> AsyncIterator[Browser]:
    """Chromium with the field trial."""
    async with running_driver() as driver:
        yield await driver.launch("chromium", flags=[TRIAL])


async def open_page(browser: Browser, bridge: Bridge) -> Page:
    """A page of the bridge, with whip.js in it."""
    page = await browser.open(f"{bridge.url}/join", RED)
    await page.evaluate(f"void (() => {{ {WHIP} {BY_SOURCE_ALONE} }})()")
    return page


async def test_feedback_by_source_is_given_and_taken(bridge: Bridge, room: str, chromium: Browser) -> None:
    publisher = await open_page(chromium, bridge)
    viewer = await open_page(chromium, bridge)
    try:
        whip = [f"{bridge.url}/whip/{room}", bridge.token(room, "publisher"), "VP8"]
        await publisher.evaluate(f"whip.publish(...{json.dumps(whip)})")
        assert "ack ccfb" in await publisher.evaluate("offered")
        whep = [f"{bridge.url}/whep/{room}", bridge.token(room, "viewer", "pasient")]
        await viewer.evaluate(f"whip.watch(...{json.dumps(whep)})")
        await viewer.expect(RED)
        # A publisher that hears nothing keeps to its start value.
        await publisher.wait(OUTGOING % (1.2 * START), within=60.0)
        await recorded(
            bridge, room, lambda record: any(each.source == "congestion_feedback" for each in record.estimates)
        )
    finally:
        await viewer.close()
        await publisher.close()
