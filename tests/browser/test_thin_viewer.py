"""A browser that publishes by WHIP, whom no signalling tells anything, sends what the line of who watches takes."""

from __future__ import annotations

import json

import pytest

from loadtest.emulator.pool import Sharing
from loadtest.emulator.reading import read_link
from loadtest.emulator.relay import Relay
from loadtest.ports import free_port
from tests.browser.browsers import Browser
from tests.browser.test_codecs import open_page
from tests.support.bridge import Bridge
from tests.support.media import RED
from tests.support.namespace import Network

pytestmark = pytest.mark.asyncio(loop_scope="module")

THIN = "rate=300k,delay=20ms,queue=300ms"

THROUGH_RELAY = """
void (() => {{
  const take = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function ({{ type, sdp }}) {{
    return take.call(this, {{ type, sdp: sdp.replaceAll(" {port} typ host", " {relay} typ host") }});
  }};
}})()
"""
"""Has what the page connects to from now on lie behind the relay."""

FREE = """
whip.session.connection.getStats().then((all) =>
  [...all.values()].some(({{ availableOutgoingBitrate: free }}) => free {than}))
"""
"""What the publisher's browser takes its line for, in bit/s: what it was told by REMB, at most."""

TOLD = 400_000
"""More than it is told while only the thin line watches, and less than it takes its line for when it is told nothing.

That is what its probes of the first second have shown, and a busy machine makes little of them: 1.0 to 1.9 Mbit/s were
seen. A picture as small as this one gives it no reason to look again."""


async def test_it_sends_less_while_only_a_thin_line_watches_and_is_let_go_when_that_is_gone(
    bridge: Bridge, room: str, chromium: Browser, network: Network
) -> None:
    publisher = await open_page(chromium, bridge)
    viewer = await open_page(chromium, bridge)
    whip = [f"{bridge.url}/whip/{room}", bridge.token(room, "publisher"), "VP8"]
    await publisher.evaluate(f"whip.publish(...{json.dumps(whip)})")
    await publisher.wait(FREE.format(than=f"> {TOLD}"))
    host, port = bridge.media_address.rsplit(":", 1)
    link = read_link(None, down=THIN, up=THIN)
    async with Relay((host, free_port(host)), (host, int(port)), link, seed=1, sharing=Sharing.ALL, limit=8) as relay:
        await viewer.evaluate(THROUGH_RELAY.format(port=port, relay=relay.address[1]))
        whep = [f"{bridge.url}/whep/{room}", bridge.token(room, "viewer", "pasient")]
        await viewer.evaluate(f"whip.watch(...{json.dumps(whep)})")
        await publisher.wait(FREE.format(than=f"< {TOLD}"))
        await viewer.expect(RED)
        await viewer.close()
    await publisher.wait(FREE.format(than=f"> {TOLD}"))
