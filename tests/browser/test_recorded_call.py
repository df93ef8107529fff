"""A doctor records a call in a real browser, with the patient's consent, and browsers play what was recorded."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.browser.browsers import Browser, BrowserName, Page
from tests.browser.test_page import enter, join
from tests.browser.test_recordings import played, serving
from tests.support.bridge import BRIDGE, Bridge, eventually
from tests.support.legs import legs
from tests.support.media import GREEN, RED, Identity, identity_of_colour
from tests.support.patience import PATIENCE
from tests.support.recorded import decode, store_of, tracks

pytestmark = pytest.mark.asyncio(loop_scope="module")

COLOUR = """(() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 8, height: 8 });
  const context = canvas.getContext("2d");
  context.drawImage(document.querySelector("video"), 0, 0, 8, 8);
  return [...context.getImageData(4, 6, 1, 1).data].slice(0, 3);
})()"""


async def reads(page: Page, text: str) -> None:
    """Waits until the call says so of its recording."""
    await page.wait(f"document.querySelector('p.recording')?.textContent === {text!r}")


@contextlib.asynccontextmanager
async def recorded_call(chromium: Browser, bridge: Bridge, room: str, folder: Path) -> AsyncIterator[tuple[Page, Page]]:
    """Both in a call that is recorded, the doctor with the list of participants open."""
    doctor = await enter(chromium, bridge, room, RED)
    # One who may not record, and so can only take the consent back.
    grants = [part for grant in ("publish_camera", "publish_microphone", "subscribe") for part in ("--grant", grant)]
    token = bridge.token(room, GREEN.name, "pasient", "--name", GREEN.name.title(), *grants)
    patient = await chromium.open(f"{bridge.url}/join#{token}", GREEN)
    await join(patient)
    try:
        await doctor.expect(GREEN)
        await doctor.press("Deltakere: 2 i samtalen")
        await doctor.press("Be om å ta opptak")
        await patient.press("Ja, jeg samtykker")
        await reads(doctor, "Opptak pågår")
        await reads(patient, "Opptak pågår")
        await eventually(lambda: {"track-1", "track-2"} <= tracks(bridge).keys())
        for name, page in (("doctor", doctor), ("patient", patient)):
            await page.screenshot(folder / f"{name}.png")
        yield doctor, patient
    finally:
        await patient.close()
        await doctor.close()


async def plays(browser: Browser, file: Path, identity: Identity, length: float) -> None:
    """The whole file, which is so long, and it shows who was recorded."""
    with serving(lambda: [file.read_bytes()]) as url:
        page = await browser.open_plain(url)
        until, frames = await played(page)
        assert until == pytest.approx(length, abs=0.5)
        assert frames > 0
        assert identity_of_colour(tuple(await page.evaluate(COLOUR))) == identity
        await page.close()


async def test_a_call_is_recorded_until_the_patient_takes_the_consent_back_and_played_in_browsers(
    bridge: Bridge, room: str, browsers: dict[BrowserName, Browser], tmp_path: Path
) -> None:
    async with recorded_call(browsers["chromium"], bridge, room, tmp_path) as (doctor, patient):
        await asyncio.sleep(4)
        (killed,) = legs(bridge)
        os.kill(killed, signal.SIGKILL)
        await eventually(lambda: {"track-1-part-2", "track-2-part-2"} <= tracks(bridge).keys())
        await asyncio.sleep(3)
        # Nobody is added to those who are in the call, and the list hides nobody.
        await patient.press("Deltakere: 2 i samtalen")
        listed = await patient.evaluate(
            "[...document.querySelectorAll('.person-name')].map((name) => name.textContent)"
        )
        assert "Opptaker" in listed
        await patient.press("Trekk samtykket mitt")
        await reads(doctor, "")
        await eventually(lambda: not legs(bridge))
        stopped = tracks(bridge)
        await doctor.expect(GREEN)
        assert tracks(bridge) == stopped
    (recording,) = store_of(bridge).recordings()
    first, second = tmp_path / "first.webm", tmp_path / "second.webm"
    command: list[str | Path] = [BRIDGE, "recordings", "export", recording.id, "--stream", "track-1", "--output", first]
    await asyncio.to_thread(subprocess.check_call, [*command, "--data", bridge.data])
    command = [BRIDGE, "apikey", "create", "--tenant", "dev", "--scope", "recordings", "--data", bridge.data]
    made = (await asyncio.to_thread(subprocess.check_output, command)).decode().strip()
    async with httpx.AsyncClient(
        base_url=bridge.url, headers={"Authorization": f"Bearer {made}"}, timeout=PATIENCE
    ) as client:
        answer = await client.get(f"/v1/recordings/{recording.id}/streams/track-2-part-2")
        assert answer.status_code == 200, answer.text
        second.write_bytes(answer.content)
    for file, identity in ((first, RED), (second, GREEN)):
        decoded = decode(file)
        assert decoded.pictures == {identity}
        assert decoded.sounds.most_common(1)[0][0] == identity
        assert decoded.seconds > 2
        async with asyncio.TaskGroup() as group:
            for browser in browsers.values():
                group.create_task(plays(browser, file, identity, decoded.length))
