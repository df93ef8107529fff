"""The consultation page in real browsers on a real bridge: everyone sees and hears everyone else, and only them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.browsers import Browser, BrowserName, Driver, Page
from tests.browser.conftest import make_bridge
from tests.support.bridge import Bridge
from tests.support.media import BLUE, GREEN, RED, ColourTrack, Identity, ToneTrack
from tests.support.namespace import Network
from tests.support.participant import Participant
from tests.support.tcp_relay import TcpRelay

pytestmark = pytest.mark.asyncio(loop_scope="module")

Browsers = dict[BrowserName, Browser]


def link(bridge: Bridge, room: str, identity: Identity, role: str = "fastlege") -> str:
    """The link that the participant was sent."""
    return f"{bridge.url}/join#{bridge.token(room, identity.name, role, '--name', identity.name.title())}"


async def enter(browser: Browser, bridge: Bridge, room: str, identity: Identity, role: str = "fastlege") -> Page:
    """Opens the link, waits for the preview, joins."""
    page = await browser.open(link(bridge, room, identity, role), identity)
    await join(page)
    return page


async def join(page: Page) -> None:
    """From the preview into the call."""
    await page.wait("document.querySelector('.preview video')?.videoWidth > 0")
    await page.press("Bli med")
    await page.wait("document.querySelector('main.call')")


async def id_of(participant: Participant, identity: Identity) -> str:
    """The id of somebody who joined after `participant`."""
    name = identity.name.title()
    joined = await participant.notice(
        lambda notice: notice["type"] == "participant_joined" and notice["participant"]["name"] == name
    )
    return str(joined["participant"]["id"])


async def test_three_people_on_three_stacks_see_and_hear_each_other(
    bridge: Bridge, room: str, browsers: Browsers
) -> None:
    third = Participant(bridge.ws_url, bridge.token(room, "blue", "tolk"))
    await third.join()
    await third.publish(ToneTrack(BLUE), ColourTrack(BLUE))
    try:
        red = await enter(browsers["chromium"], bridge, room, RED)
        green = await enter(browsers["firefox"], bridge, room, GREEN, "pasient")
        await red.expect(GREEN, BLUE)
        await green.expect(RED, BLUE)
        for identity in (RED, GREEN):
            person = await id_of(third, identity)
            await (await third.watcher(person, "camera")).expect(identity)
            await (await third.watcher(person, "microphone")).expect(identity)
    finally:
        await third.close()


async def test_both_ways_sound_that_is_lost_is_asked_for_again(bridge: Bridge, room: str, browsers: Browsers) -> None:
    """Browsers do so for pictures of themselves; for sound only where both ends say that they do."""
    red = await enter(browsers["chromium"], bridge, room, RED)
    green = await enter(browsers["chromium"], bridge, room, GREEN)
    await red.expect(GREEN)
    await green.expect(RED)
    agreed = await red.evaluate(
        """received.connections
            .filter(({ connectionState }) => connectionState === "connected")
            .flatMap(({ currentLocalDescription: ours, currentRemoteDescription: theirs }) => [ours, theirs])
            .map(({ sdp }) => sdp.split(/^m=/m).find((section) => section.startsWith("audio")))
            .map((section) => /^a=rtcp-fb:111 nack\\r$/m.test(section))"""
    )
    assert agreed == [True] * 4


@pytest.mark.parametrize("name", ["chromium", "firefox"])
async def test_who_mutes_is_no_longer_heard_and_who_leaves_no_longer_seen(
    bridge: Bridge, room: str, browsers: Browsers, name: BrowserName
) -> None:
    green = await enter(browsers[name], bridge, room, GREEN)
    red = await enter(browsers["chromium"], bridge, room, RED)
    await green.expect(RED)
    await red.expect(GREEN)
    await green.press("Slå av mikrofon")
    await red.wait("document.querySelector('.people .tile-muted:not([hidden])')")
    await red.wait("received.tones().then((tones) => tones.every((tone) => tone === 0))")
    await green.press("Slå på mikrofon")
    await red.expect(GREEN)
    await green.press("Slå av kamera")
    await red.wait("!document.querySelector('.people .tile.has-picture')")
    await green.press("Slå på kamera")
    await red.expect(GREEN)
    await green.press("Forlat samtalen")
    await red.wait("document.querySelectorAll('.people .tile').length === 0")
    await red.expect()


@pytest.mark.parametrize("name", ["chromium", "firefox"])
async def test_a_reload_replaces_the_older_self(
    bridge: Bridge, room: str, browsers: Browsers, name: BrowserName
) -> None:
    red = await enter(browsers["chromium"], bridge, room, RED)
    green = await enter(browsers[name], bridge, room, GREEN)
    await red.expect(GREEN)
    await green.reload()
    await join(green)
    await green.expect(RED)
    await red.expect(GREEN)
    assert await red.evaluate("document.querySelectorAll('.people .tile').length") == 1


async def test_a_bridge_that_was_killed_and_started_again_gets_everyone_back(
    tmp_path: Path, network: Network, room: str, browsers: Browsers
) -> None:
    bridge = make_bridge(tmp_path, network.ipv4)
    try:
        bridge.start()
        red = await enter(browsers["chromium"], bridge, room, RED)
        green = await enter(browsers["firefox"], bridge, room, GREEN)
        await red.expect(GREEN)
        await green.expect(RED)
        bridge.kill()
        await red.wait("document.querySelector('.banner').dataset.state === 'reconnecting'")
        bridge.start()
        await red.expect(GREEN)
        await green.expect(RED)
    finally:
        bridge.stop()


async def test_a_link_with_a_forged_token_is_explained(bridge: Bridge, room: str, browsers: Browsers) -> None:
    token = bridge.token(room, "red")
    forged = token[:-4] + ("AAAA" if not token.endswith("AAAA") else "BBBB")
    page = await browsers["chromium"].open(f"{bridge.url}/join#{forged}", RED)
    await page.wait("document.querySelector('.preview video')?.videoWidth > 0")
    await page.press("Bli med")
    await page.wait("document.querySelector('h1').textContent === 'Lenken virker ikke'")


async def test_over_tcp_where_nothing_lets_udp_through(
    bridge: Bridge, network: Network, room: str, browsers: Browsers
) -> None:
    with network.without_udp_to(bridge.media_port):
        red = await enter(browsers["chromium"], bridge, room, RED)
        green = await enter(browsers["firefox"], bridge, room, GREEN)
        await red.expect(GREEN)
        await green.expect(RED)
        for page in (red, green):
            assert set(await page.evaluate("received.protocols()")) == {"tcp"}


@pytest.mark.parametrize("name", ["chromium", "firefox"])
@pytest.mark.parametrize("when", ["from the start", "in mid-call"])
async def test_who_was_cut_off_until_it_failed_is_seen_and_heard_again(
    bridge: Bridge, network: Network, room: str, browsers: Browsers, name: BrowserName, when: str
) -> None:
    red = await enter(browsers["chromium"], bridge, room, RED)
    green = await browsers[name].open(link(bridge, room, GREEN), GREEN)
    if when == "in mid-call":
        await join(green)
        await red.expect(GREEN)
        await green.expect(RED)
    with network.without_media_to(bridge.media_port):
        if when == "from the start":
            await join(green)
        await green.wait("document.querySelector('.banner').dataset.state === 'blocked'")
    await red.expect(GREEN)
    await green.expect(RED)
    await green.wait("!/slipper ikke|hører deg ikke/.test(document.querySelector('.banner').textContent)")


async def test_over_ipv6(tmp_path: Path, network: Network, room: str, browsers: Browsers) -> None:
    bridge = make_bridge(tmp_path, network.ipv6)
    try:
        bridge.start()
        red = await enter(browsers["chromium"], bridge, room, RED)
        green = await enter(browsers["firefox"], bridge, room, GREEN)
        await red.expect(GREEN)
        await green.expect(RED)
    finally:
        bridge.stop()


async def test_two_links_in_firefox_as_it_is_delivered_meet_on_a_bridge_with_the_default_addresses(
    tmp_path: Path, room: str, driver: Driver
) -> None:
    delivered = {
        "media.peerconnection.ice.loopback": False,
        "media.peerconnection.ice.obfuscate_host_addresses": True,
    }
    bridge = make_bridge(tmp_path, "127.0.0.1")
    try:
        bridge.start()
        pages = []
        for identity in (RED, GREEN):
            firefox = await driver.launch("firefox", identity=identity, preferences=delivered)
            pages.append(await enter(firefox, bridge, room, identity))
        await pages[0].expect(GREEN)
        await pages[1].expect(RED)
    finally:
        bridge.stop()


async def test_a_shared_screen_is_seen_beside_the_face(bridge: Bridge, room: str, browsers: Browsers) -> None:
    red = await enter(browsers["chromium"], bridge, room, RED)
    green = await enter(browsers["firefox"], bridge, room, GREEN)
    await red.expect(GREEN)
    for _ in range(3):
        await green.press("Del skjerm")
        await green.press("Stopp deling")
    await green.press("Del skjerm")
    await red.expect(GREEN, screens=[BLUE])
    lines = "Math.max(...received.connections.map((connection) => connection.getTransceivers().length))"
    assert await green.evaluate(lines) <= 4, "each screen took an m-line of its own"
    await green.press("Stopp deling")
    await red.expect(GREEN)
    for _ in range(2):
        await red.press("Del skjerm")
        await green.expect(RED, screens=[BLUE])
        await red.press("Stopp deling")
        await green.expect(RED)


@pytest.mark.parametrize("name", ["chromium", "firefox"])
async def test_signalling_that_was_cut_is_resumed_while_media_goes_on(
    bridge: Bridge, room: str, browsers: Browsers, name: BrowserName
) -> None:
    red = await enter(browsers["chromium"], bridge, room, RED)
    host, port = bridge.http_address.split(":")
    async with TcpRelay(host, int(port)) as relay:
        address = link(bridge, room, GREEN).replace(bridge.http_address, f"127.0.0.1:{relay.port}")
        green = await browsers[name].open(address, GREEN)
        await join(green)
        await red.expect(GREEN)
        await green.expect(RED)
        relay.cut()
        await green.wait("document.querySelector('.banner').dataset.state === 'reconnecting'")
        await red.wait("document.querySelector('.people .tile-status').textContent === 'Kobler til igjen …'")
        await red.expect(GREEN)
        await green.expect(RED)
        relay.mend()
        await green.wait("document.querySelector('.banner').dataset.state === 'connected'")
        await red.wait("document.querySelector('.people .tile-status').hidden")
        await red.expect(GREEN)
        assert await green.evaluate("received.connections.length") == 2
        await green.close()


@pytest.mark.parametrize("name", ["chromium", "firefox"])
async def test_a_network_that_changes_restarts_ice_and_keeps_the_call(
    bridge: Bridge, room: str, browsers: Browsers, name: BrowserName
) -> None:
    ufrags = "received.connections.map(({ remoteDescription }) => remoteDescription.sdp.match(/ice-ufrag:(.*)/)[1])"
    red = await enter(browsers["chromium"], bridge, room, RED)
    green = await enter(browsers[name], bridge, room, GREEN)
    await red.expect(GREEN)
    await green.expect(RED)
    before = await green.evaluate(ufrags)
    await green.evaluate("window.dispatchEvent(new Event('online'))")
    for ufrag in before:
        await green.wait(f"!{ufrags}.includes('{ufrag}')")
    await green.wait("received.connections.every(({ connectionState }) => connectionState === 'connected')")
    await red.expect(GREEN)
    await green.expect(RED)
    assert await green.evaluate("received.connections.length") == 2
