"""A link from inside a call, in a real browser on a real bridge, which is killed before anybody opens the link."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.browsers import Driver
from tests.browser.conftest import make_bridge
from tests.browser.test_page import enter
from tests.support.media import GREEN, RED
from tests.support.namespace import Network

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_guest_comes_by_the_hosts_link_after_the_bridge_was_killed_and_waits_to_be_let_in(
    tmp_path: Path, network: Network, driver: Driver, room: str
) -> None:
    chromium = await driver.launch("chromium")
    bridge = make_bridge(tmp_path, network.ipv4)
    try:
        bridge.start()
        doctor = await enter(chromium, bridge, room, RED)
        await doctor.press("Deltakere: 1 i samtalen")
        await doctor.press("Inviter noen")
        await doctor.wait("document.querySelector('#invite-name')")
        await doctor.evaluate("document.querySelector('#invite-name').value = 'Green'")
        await doctor.press("Lag lenke")
        await doctor.wait("document.querySelector('.invite .qr')")
        link = await doctor.evaluate("document.querySelector('#invite-link').value")
        assert link.startswith(f"{bridge.url}/signin#")
        await doctor.press("Ferdig")
        bridge.kill()
        bridge.start()
        guest = await chromium.open(link, GREEN)
        await guest.press("Fortsett")
        await guest.wait("document.querySelector('.preview video')?.videoWidth > 0")
        await guest.press("Bli med")
        await guest.wait("document.querySelector('.lobby-place')")
        assert await guest.evaluate("received.connections.length") == 0
        await doctor.wait("document.querySelector('[aria-label=\"Slipp inn Green\"]')")
        await doctor.press("Slipp inn Green")
        await doctor.expect(GREEN)
        await guest.expect(RED)
        thief = await chromium.open(link, GREEN)
        await thief.press("Fortsett")
        await thief.wait("document.querySelector('.signin-problem')")
    finally:
        bridge.stop()
