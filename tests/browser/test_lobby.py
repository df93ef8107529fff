"""A patient and a doctor in real browsers on a real bridge: waits, is let in, is seen, is sent back, comes in again."""

from __future__ import annotations

import pytest

from tests.browser.browsers import Browser, BrowserName, Page
from tests.browser.test_page import enter
from tests.support.bridge import Bridge
from tests.support.media import GREEN, RED

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def knock(browser: Browser, bridge: Bridge, room: str) -> Page:
    """Opens the patient's link, and waits until the page waits."""
    more = ("--name", "Green", "--enters", "lobby", "--level", "idporten-loa-high")
    page = await browser.open(f"{bridge.url}/join#{bridge.token(room, GREEN.name, 'pasient', *more)}", GREEN)
    await page.wait("document.querySelector('.preview video')?.videoWidth > 0")
    await page.press("Bli med")
    await page.wait("document.querySelector('.lobby-place')?.textContent === 'Du er neste'")
    return page


async def test_a_patient_waits_is_let_in_sent_back_and_let_in_again(
    bridge: Bridge, room: str, browsers: dict[BrowserName, Browser]
) -> None:
    doctor = await enter(browsers["chromium"], bridge, room, RED)
    patient = await knock(browsers["firefox"], bridge, room)
    assert await patient.evaluate("received.connections.length") == 0
    await doctor.press("Deltakere: 1 i samtalen, 1 venter")
    await doctor.wait("document.querySelector('.person.is-waiting .person-facts')?.textContent.includes('Høyt')")
    await doctor.press("Slipp inn Green")
    await doctor.expect(GREEN)
    await patient.expect(RED)
    await doctor.evaluate("document.querySelector('.menu summary').click()")
    await doctor.press("Sett tilbake i venterommet")
    await patient.wait("document.querySelector('.lobby-place')")
    await doctor.expect()
    await doctor.press("Slipp inn Green")
    await doctor.expect(GREEN)
    await patient.expect(RED)
    await patient.close()


async def test_a_reload_keeps_the_place_in_the_queue(
    bridge: Bridge, room: str, browsers: dict[BrowserName, Browser]
) -> None:
    doctor = await enter(browsers["chromium"], bridge, room, RED)
    patient = await knock(browsers["firefox"], bridge, room)
    await doctor.wait("document.querySelector('[aria-label=\"Deltakere: 1 i samtalen, 1 venter\"]')")
    await patient.reload()
    await patient.wait("document.querySelector('.preview video')?.videoWidth > 0")
    await patient.press("Bli med")
    await patient.wait("document.querySelector('.lobby-place')?.textContent === 'Du er neste'")
    await doctor.press("Deltakere: 1 i samtalen, 1 venter")
    await doctor.press("Slipp inn Green")
    await doctor.expect(GREEN)
