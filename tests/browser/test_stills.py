"""A sharp picture on demand, between two real Chromiums: the camera's full resolution, by consent, for the asker."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.browser.browsers import Driver, Page
from tests.browser.test_page import enter, join
from tests.support.bridge import Bridge
from tests.support.media import GREEN, RED

pytestmark = pytest.mark.asyncio(loop_scope="module")
WIDTH, HEIGHT = 1920, 1080
STRIPE = 2
"""Pixels: finer than the 1280 by 720 that the call is sent with can show."""


def skin() -> NDArray[np.uint8]:
    """The luminance of what the patient's camera sees: four fields of their own grey, each with fine stripes."""
    grey = np.zeros((HEIGHT, WIDTH), np.uint8)
    for row, greys in enumerate(((60, 120), (160, 200))):
        for column, level in enumerate(greys):
            grey[row * HEIGHT // 2 :, column * WIDTH // 2 :] = level
    stripes = (np.arange(WIDTH) // STRIPE % 2 * 40).astype(np.uint8)
    return np.asarray(grey + stripes, np.uint8)


def camera(path: Path) -> Path:
    """A camera of that resolution, as Chromium takes it (YUV4MPEG2)."""
    frame = b"FRAME\n" + skin().tobytes() + bytes([128]) * (WIDTH * HEIGHT // 2)
    path.write_bytes(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420\n".encode() + frame * 2)
    return path


async def patient_page(driver: Driver, bridge: Bridge, room: str, film: Path) -> Page:
    """A patient with that camera."""
    browser = await driver.launch("chromium", flags=[f"--use-file-for-fake-video-capture={film}"])
    url = f"{bridge.url}/join#{bridge.token(room, GREEN.name, 'pasient', '--name', 'Green')}"
    speaks = "Object.defineProperty(navigator, 'languages', { get: () => ['nb'] });"
    page = Page(driver, await driver.request("open", browser=browser.handle, url=url, script=speaks))
    await join(page)
    return page


async def ask(doctor: Page, word: str = "Be om et skarpt bilde") -> None:
    await doctor.wait("document.querySelector('[data-id] summary')?.checkVisibility()")
    await doctor.evaluate("document.querySelector('[data-id] summary').click()")
    await doctor.press(word)


async def shown(doctor: Page) -> NDArray[np.uint8]:
    """The luminance of the picture that the doctor looks at."""
    await doctor.wait("document.querySelector('.still-image')?.naturalWidth > 0")
    text = await doctor.evaluate(
        """(() => {
            const image = document.querySelector('.still-image');
            const canvas = document.createElement('canvas');
            canvas.width = image.naturalWidth;
            canvas.height = image.naturalHeight;
            canvas.getContext('2d').drawImage(image, 0, 0);
            return canvas.toDataURL('image/png').split(',')[1];
        })()"""
    )
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("L"))


async def test_the_doctor_gets_what_the_patient_took_saw_and_sent(
    bridge: Bridge, room: str, driver: Driver, tmp_path: Path
) -> None:
    patient = await patient_page(driver, bridge, room, camera(tmp_path / "skin.y4m"))
    doctor = await enter(await driver.launch("chromium"), bridge, room, RED)
    await patient.wait("document.querySelector('[aria-label=\"Deltakere: 2 i samtalen\"]')")
    await patient.press("Deltakere: 2 i samtalen")
    assert not await patient.evaluate("document.querySelector('[data-id] summary').checkVisibility()"), "not granted"
    await patient.press("Lukk")
    await doctor.press("Deltakere: 2 i samtalen")

    await ask(doctor)
    await patient.wait("document.querySelector('.still-offer video')?.videoWidth > 0")
    await patient.press("Ta bilde")
    await patient.wait("document.querySelector('.still-offer img')?.naturalWidth > 0")
    assert not await doctor.evaluate("document.querySelector('.still-image') !== null"), (
        "the patient has not agreed yet"
    )
    await patient.press("Send bildet")
    picture = await shown(doctor)
    await doctor.screenshot(tmp_path / "doctor.png")
    assert picture.shape == (HEIGHT, WIDTH)
    expected = skin().astype(float)
    # Browsers take a camera's levels for those of television (ITU-R BT.709, 16 to 235).
    expected = (expected - 16) * 255 / 219
    assert np.abs(picture.astype(float) - expected).mean() < 6
    sharp = np.abs(picture[:, STRIPE:].astype(float) - picture[:, :-STRIPE]).mean()
    assert sharp > 30, "the stripes are there, which the call's own picture is too small for"
    await patient.wait("document.querySelector('#notices').textContent.includes('har fått bildet')")
    await doctor.press("Lukk")

    await ask(doctor)
    await patient.press("Nei takk")
    await doctor.wait("document.querySelector('#notices').textContent.includes('vil ikke sende et bilde')")

    await ask(doctor)
    await patient.wait("document.querySelector('.still-offer video')?.videoWidth > 0")
    await doctor.close()
    await patient.wait("document.querySelector('.still-offer') === null")
    await patient.wait("document.querySelector('#notices').textContent.includes('trenger ikke bildet lenger')")
