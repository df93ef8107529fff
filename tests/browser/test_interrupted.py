"""A telephone call takes camera and microphone from Chromium for a while: all are told in words, and both come back."""

from __future__ import annotations

import json

import pytest

from tests.browser.browsers import Browser, Page
from tests.browser.test_page import enter, join, link
from tests.support.bridge import Bridge
from tests.support.media import GREEN, RED

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCRIPT = """
window.captured = [];
const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (constraints) => {
  const stream = await real(constraints);
  captured.push(...stream.getTracks());
  return stream;
};
Object.defineProperty(navigator, "languages", { get: () => ["nb"] });

/** What the system does with the devices that are open. */
window.setMuted = (muted) => {
  for (const track of captured.filter(({ readyState }) => readyState === "live")) {
    Object.defineProperty(track, "muted", { value: muted, configurable: true });
    track.dispatchEvent(new Event(muted ? "mute" : "unmute"));
  }
};

/** As on systems that say that they give the devices back, and do not: `stop()` by a page raises no event. */
window.giveBackNothing = () => {
  const live = captured.filter(({ readyState }) => readyState === "live");
  for (const track of live) track.stop();
  for (const track of live) {
    Object.defineProperty(track, "muted", { value: false });
    track.dispatchEvent(new Event("unmute"));
  }
};
"""
"""The devices are Chromium's own, fed by what it has for tests; only their system is played."""
BANNER = "document.querySelector('.banner:not([hidden])')?.textContent ?? ''"
STATUS = "document.querySelector('.people .tile-status:not([hidden])')?.textContent ?? ''"


async def told(page: Page, what: str, text: str) -> None:
    """Waits until a text stands there, or none."""
    await page.wait(f"({what}) === {json.dumps(text)}")


async def heard(page: Page) -> None:
    """Waits for more sound of the only other one: Chromium's own microphone beeps once a second."""
    energy = """Promise.all(received.connections.map((each) => each.getStats())).then((reports) =>
        Math.max(...reports.flatMap((report) => [...report.values()])
            .filter(({ type, kind }) => type === "inbound-rtp" && kind === "audio")
            .map(({ totalAudioEnergy }) => totalAudioEnergy)))"""
    before = await page.evaluate(energy)
    await page.wait(f"{energy}.then((energy) => energy > {before} + 1e-4)")


async def seen(page: Page) -> None:
    """Waits for a picture of the only other one that moves."""
    await page.wait("document.querySelector('.people .tile.has-picture')")
    frames = await page.frames()
    await page.wait(f"received.frames().then((frames) => frames > {frames} + 10)")


async def test_who_is_called_on_the_telephone_is_back_afterwards(bridge: Bridge, room: str, chromium: Browser) -> None:
    doctor = await enter(chromium, bridge, room, RED)
    opened = await chromium.driver.request(
        "open", browser=chromium.handle, url=link(bridge, room, GREEN), script=SCRIPT, width=390, height=844
    )
    patient = Page(chromium.driver, opened)
    await join(patient)
    await seen(doctor)
    await heard(doctor)

    await patient.evaluate("setMuted(true)")
    await told(doctor, STATUS, "Lyden er avbrutt")
    await doctor.wait("!document.querySelector('.people .tile.has-picture')")
    await told(
        patient,
        BANNER,
        "De andre hører og ser deg ikke nå: En telefonsamtale eller et annet program bruker mikrofonen og kameraet. "
        "Lyd og bilde kommer tilbake av seg selv.",
    )
    await patient.evaluate("setMuted(false)")
    await told(doctor, STATUS, "")
    await told(patient, BANNER, "")
    await seen(doctor)
    await heard(doctor)
    assert await patient.evaluate("captured.length") == 2

    await patient.evaluate("setMuted(true)")
    await told(doctor, STATUS, "Lyden er avbrutt")
    await patient.evaluate("giveBackNothing()")
    await patient.wait("captured.length === 4")
    await told(patient, BANNER, "")
    await told(doctor, STATUS, "")
    await seen(doctor)
    await heard(doctor)
    assert await patient.evaluate("captured.map(({ readyState }) => readyState)") == ["ended"] * 2 + ["live"] * 2
