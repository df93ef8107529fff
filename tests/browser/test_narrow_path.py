"""Browsers on a path that swallows long packets, as a tunnel's may: they see and hear each other by way of TCP."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from loadtest.ports import free_port
from tests.browser.browsers import Browser, Driver, Page
from tests.browser.test_codecs import WHIP
from tests.browser.test_page import enter
from tests.support.bridge import Bridge, eventually
from tests.support.media import GREEN, RED
from tests.support.namespace import Network
from tests.support.narrow_path import FarHost, narrow_path
from tests.support.tcp_relay import TcpRelay

pytestmark = pytest.mark.asyncio(loop_scope="module")


@contextlib.asynccontextmanager
async def bridge_beyond(
    mtu: int, folder: Path, *, ipv6: bool = False, config: str = "", least: int | None = None
) -> AsyncIterator[tuple[Bridge, FarHost]]:
    """A bridge beyond such a path, and the host that it runs on.

    Its page is reached by a loopback address, as secure pages must be. Browsers are to be started on it: those that run
    already give up what they load when the network changes.
    """
    (folder / "bridge.toml").write_text(config)
    with narrow_path(mtu, least=least) as host:
        bridge = Bridge(
            data=folder / "data",
            http_address=f"{host.ipv4}:{free_port()}",
            media_address=f"[{host.ipv6}]:{free_port()}" if ipv6 else f"{host.ipv4}:{free_port()}",
            log=folder / "bridge.log",
            extra=("--insecure", "--config", str(folder / "bridge.toml")),
            wrapper=host.wrapper,
        )
        try:
            bridge.start()
            address, port = bridge.http_address.split(":")
            async with TcpRelay(address, int(port)) as relay:
                yield replace(bridge, http_address=f"127.0.0.1:{relay.port}"), host
        finally:
            bridge.stop()


async def protocols(page: Page) -> set[str]:
    """What carries its connections."""
    return set(await page.evaluate("received.protocols()"))


async def open_bare(browser: Browser, bridge: Bridge) -> Page:
    """Nothing but whip.js: the bridge's own page would load anew where Chromium finds its network changed."""
    page = await browser.open(f"{bridge.url}/readyz", RED)
    await page.evaluate(f"void (() => {{ {WHIP} }})()")
    return page


async def test_they_go_over_to_tcp_where_their_hellos_are_swallowed(
    network: Network, tmp_path: Path, room: str, driver: Driver
) -> None:
    async with bridge_beyond(1200, tmp_path) as (bridge, _):
        chromium = await driver.launch("chromium")
        red = await enter(chromium, bridge, room, RED)
        green = await enter(chromium, bridge, room, GREEN, "pasient")
        await asyncio.gather(red.expect(GREEN), green.expect(RED))
        assert [await protocols(red), await protocols(green)] == [{"tcp"}, {"tcp"}]


@pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
async def test_they_stay_on_udp_where_it_carries_what_ipv6_demands(
    network: Network, tmp_path: Path, room: str, driver: Driver, ipv6: bool
) -> None:
    async with bridge_beyond(1280, tmp_path, ipv6=ipv6) as (bridge, _):
        chromium = await driver.launch("chromium")
        red = await enter(chromium, bridge, room, RED)
        green = await enter(chromium, bridge, room, GREEN, "pasient")
        await asyncio.gather(red.expect(GREEN), green.expect(RED))
        assert "udp" in await protocols(red)
        assert "udp" in await protocols(green)
        assert "swallows" not in bridge.log.read_text()


async def test_they_go_over_to_tcp_where_the_path_narrows_in_mid_call(
    network: Network, tmp_path: Path, room: str, driver: Driver
) -> None:
    """It carries hellos and most pictures still; what tells of it are the bridge's probes."""
    async with bridge_beyond(1500, tmp_path, least=1240) as (bridge, host):
        red = await enter(await driver.launch("chromium"), bridge, room, RED)
        green = await enter(await driver.launch("firefox", identity=GREEN), bridge, room, GREEN, "pasient")
        await asyncio.gather(red.expect(GREEN), green.expect(RED))
        assert "swallows" not in bridge.log.read_text()
        host.narrow(1240)
        over_tcp = "received.protocols().then((used) => used.length > 1 && used.every((each) => each === 'tcp'))"
        await asyncio.gather(red.wait(over_tcp), green.wait(over_tcp))
        await asyncio.gather(red.expect(GREEN), green.expect(RED))


async def test_a_whip_and_a_whep_client_go_over_to_tcp_by_restarting_ice(
    network: Network, tmp_path: Path, room: str, driver: Driver
) -> None:
    """They cannot be asked to; on this path hellos still come through, and sound."""
    async with bridge_beyond(1240, tmp_path) as (bridge, _):
        chromium = await driver.launch("chromium")
        publisher, viewer = [await open_bare(chromium, bridge) for _ in range(2)]
        whip = [f"{bridge.url}/whip/{room}", bridge.token(room, "publisher"), "VP8"]
        await publisher.evaluate(f"whip.publish(...{json.dumps(whip)})")
        whep = [f"{bridge.url}/whep/{room}", bridge.token(room, "viewer", "pasient")]
        await viewer.evaluate(f"whip.watch(...{json.dumps(whep)})")
        assert [await protocols(publisher), await protocols(viewer)] == [{"udp"}, {"udp"}]
        await eventually(lambda: bridge.log.read_text().count("swallows") == 2)
        for page in (publisher, viewer):
            assert set(await page.evaluate("whip.restart()")) == {"tcp"}
            await page.wait("received.protocols().then((used) => used.length === 1 && used[0] === 'tcp')")
        await viewer.expect(RED)


async def test_where_there_is_no_tcp_either_the_page_says_so(
    network: Network, tmp_path: Path, room: str, driver: Driver
) -> None:
    async with bridge_beyond(1200, tmp_path, config="[media]\ntcp = false\n") as (bridge, _):
        red = await enter(await driver.launch("chromium"), bridge, room, RED)
        await red.wait("document.body.innerText.includes('Nettverket slipper ikke lyd og bilde gjennom')")
