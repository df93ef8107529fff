"""What the page makes of pictures, in real browsers: one's own with a blurred background, the main one in a window."""

from __future__ import annotations

import asyncio
import base64
import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.browser.browsers import Browser, Driver, Page
from tests.browser.test_page import enter, join
from tests.support.bridge import Bridge
from tests.support.media import BLUE, GREEN, RED, ColourTrack, Identity, ToneTrack, identity_of_colour
from tests.support.participant import Participant
from tests.support.patience import PATIENCE
from tests.transcode.pictures import talking_head

pytestmark = pytest.mark.asyncio(loop_scope="module")
WIDTH, HEIGHT = 640, 480
ROOM = (slice(180, 360), slice(10, 150))
FACE = (slice(140, 330), slice(230, 370))
"""Of the man in the film, and what is beside him: rows and columns."""
SHARP_ROOM, BLURRED_ROOM, SHARP_FACE = 120.0, 40.0, 25.0
HELD_WORKER = """
    globalThis.Worker = class extends Worker { constructor(url) { super(url); globalThis.worker = this; } };
    globalThis.TOO_SLOW = { type: 'failed', reason: 'too_slow' };
"""
"""So that a test can say what a slow device's worker would."""

BUTTON = "Vis bildet i et lite vindu over andre programmer"
WINDOW = "documentPictureInPicture.window"
TOLD = """
    globalThis.told = [];
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (text) {
        if (String(text).includes('"layout"')) told.push(JSON.parse(text));
        return send.call(this, text);
    };
"""
"""What the page tells the bridge of how it shows the others."""


def film(path: Path) -> Path:
    """A man in a car, in squares with sharp edges, as Chromium takes it for a camera (YUV4MPEG2)."""
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W%d H%d F15:1 Ip A1:1 C420\n" % (WIDTH, HEIGHT))
        for frame in talking_head()[::4]:
            small = frame.reformat(WIDTH // 4, HEIGHT // 4, "yuv420p")
            large = small.reformat(WIDTH, HEIGHT, interpolation="POINT")
            file.write(b"FRAME\n" + large.to_ndarray().tobytes())
    return path


async def patient_page(driver: Driver, bridge: Bridge, room: str, camera: Path, before: str = "") -> Page:
    """A patient with that camera; `before` runs before the page's own scripts."""
    browser = await driver.launch("chromium", flags=[f"--use-file-for-fake-video-capture={camera}"])
    url = f"{bridge.url}/join#{bridge.token(room, GREEN.name, 'pasient', '--name', 'Green')}"
    speaks = "Object.defineProperty(navigator, 'languages', { get: () => ['nb'] });"
    opened = await driver.request("open", browser=browser.handle, url=url, script=speaks + before)
    return Page(driver, opened)


async def seen(page: Page, selector: str) -> NDArray[np.float64]:
    """The luminance of what a video shows, as large as the camera's."""
    text = await page.evaluate(
        f"""(() => {{
            const canvas = Object.assign(document.createElement('canvas'), {{ width: {WIDTH}, height: {HEIGHT} }});
            canvas.getContext('2d').drawImage(document.querySelector({selector!r}), 0, 0, {WIDTH}, {HEIGHT});
            return canvas.toDataURL('image/png').split(',')[1];
        }})()"""
    )
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("L"), np.float64)


def detail(picture: NDArray[np.float64], part: tuple[slice, slice]) -> float:
    """The variance of the Laplacian: how much there is to recognise."""
    area = picture[part]
    laplacian = 4 * area[1:-1, 1:-1] - area[:-2, 1:-1] - area[2:, 1:-1] - area[1:-1, :-2] - area[1:-1, 2:]
    return float(laplacian.var())


async def until(page: Page, selector: str, *, blurred: bool, within: float = PATIENCE) -> NDArray[np.float64]:
    """Waits until the room in a video is as it should be, and the face sharp; that picture."""
    deadline = asyncio.get_running_loop().time() + within
    rooms, faces = [], []
    while asyncio.get_running_loop().time() < deadline:
        picture = await seen(page, selector)
        rooms.append(detail(picture, ROOM))
        faces.append(detail(picture, FACE))
        if faces[-1] > SHARP_FACE and (rooms[-1] < BLURRED_ROOM if blurred else rooms[-1] > SHARP_ROOM):
            return picture
        await asyncio.sleep(0.1)
    raise AssertionError(f"not {'blurred' if blurred else 'sharp'} within {within} s: {rooms[-5:]}, {faces[-5:]}")


async def test_what_is_behind_somebody_goes_nowhere(
    bridge: Bridge, room: str, driver: Driver, chromium: Browser, tmp_path: Path
) -> None:
    patient = await patient_page(driver, bridge, room, film(tmp_path / "car.y4m"), before=HELD_WORKER)
    await patient.wait("document.querySelector('.preview video')?.videoWidth > 0")
    await until(patient, ".preview video", blurred=False)
    asked = [url for url in (await patient.noticed())["requests"] if "/packages/" in url]
    assert all(url.endswith("/packages/litert.js") for url in asked), "what it takes is loaded when it is asked for"
    await patient.press("Gjør bakgrunnen uskarp", role="checkbox")
    await until(patient, ".preview video", blurred=True)
    await patient.screenshot(tmp_path / "preview.png")
    doctor = await enter(chromium, bridge, room, RED)
    await join(patient)
    await until(doctor, ".people video", blurred=True)
    await doctor.screenshot(tmp_path / "doctor.png")

    # The device turns out to be too slow: no picture, until its owner says so.
    await patient.evaluate("worker.dispatchEvent(new MessageEvent('message', { data: TOO_SLOW }))")
    await doctor.wait("document.querySelector('.people .tile:not(.has-picture)')")
    await patient.screenshot(tmp_path / "asked.png")
    await patient.press("Vis med skarp bakgrunn")
    await doctor.wait("document.querySelector('.people .tile.has-picture')")
    await until(doctor, ".people video", blurred=False)

    # Browsers that have no streams of pictures, in the middle of the call.
    await patient.evaluate("delete globalThis.MediaStreamTrackProcessor")
    await patient.press("Oppsett")
    await patient.press("Gjør bakgrunnen uskarp", role="checkbox", within="dialog")
    await until(doctor, ".people video", blurred=True)
    await patient.screenshot(tmp_path / "settings.png")
    for page in (patient, doctor):
        elsewhere = [
            url for url in (await page.noticed())["requests"] if not url.startswith((bridge.url, "data:", "blob:"))
        ]
        assert elsewhere == []
    assert (await patient.noticed())["errors"] == []


async def shows(page: Page, video: str, identity: Identity) -> None:
    """Waits until a video, by a JavaScript expression for it, shows this identity's picture."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    seen: tuple[float, float, float] = (0, 0, 0)
    while asyncio.get_running_loop().time() < deadline:
        red, green, blue = await page.evaluate(
            f"""(() => {{
                const canvas = Object.assign(document.createElement('canvas'), {{ width: 1, height: 1 }});
                canvas.getContext('2d').drawImage({video}, 0, 0, 1, 1);
                return [...canvas.getContext('2d').getImageData(0, 0, 1, 1).data.slice(0, 3)];
            }})()"""
        )
        seen = (red, green, blue)
        if identity_of_colour(seen) == identity:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{seen} is not {identity.name}")


async def test_the_main_picture_floats_and_has_buttons(bridge: Bridge, room: str, chromium: Browser) -> None:
    blue = Participant(bridge.ws_url, bridge.token(room, "blue", "tolk"))
    await blue.join()
    try:
        red = await enter(chromium, bridge, room, RED)
        await red.evaluate(f"(() => {{ {TOLD} }})()")
        await red.press(BUTTON)
        video = f"{WINDOW}.document.querySelector('video')"
        await red.wait(f"{WINDOW}?.document.querySelector('.tile:not(.has-picture) .tile-name')?.textContent !== ''")
        await blue.publish(ToneTrack(BLUE), ColourTrack(BLUE))
        await red.wait(f"{video}.videoWidth > 0")
        await shows(red, video, BLUE)
        # Whoever is pinned is the main picture, in the window too.
        green = await enter(chromium, bridge, room, GREEN, "pasient")
        await red.wait("document.querySelectorAll('.people .tile.has-picture').length === 3")
        await red.press("Fest Green")
        await red.wait(f"{WINDOW}.document.querySelector('.tile-name').textContent === 'Green'")
        await shows(red, video, GREEN)
        # Nobody sees the page's own pictures any more; those in the window they do.
        hide = "for (const list of document.querySelectorAll('.people, .screens')) list.style.display = 'none'"
        await red.evaluate(f"(() => {{ {hide} }})()")
        floating = f"Math.round({video}.getBoundingClientRect().height)"
        await red.wait(
            f"""(() => {{
                const heights = told.at(-1)?.tiles.map(({{ height }}) => height) ?? [];
                const [seen, ...others] = heights.filter((height) => height > 0);
                return heights.length > 1 && others.length === 0 && seen > 50 && seen <= {floating};
            }})()"""
        )
        await red.wait(f"{WINDOW}.getComputedStyle({WINDOW}.document.body).display === 'flex'")
        await red.evaluate(f"{WINDOW}.document.querySelector('[aria-label=\"Slå av mikrofon\"]').click()")
        await red.wait("document.querySelector('.toolbar .tool.is-off')")
        await red.press("Lukk det lille vinduet")
        await red.wait(f"{WINDOW} === null")
        await red.wait(f"document.querySelector('[aria-label=\"{BUTTON}\"]')")
        await green.close()
    finally:
        await blue.close()


async def test_a_video_floats_where_there_are_no_documents_that_do(
    bridge: Bridge, room: str, chromium: Browser
) -> None:
    red = await enter(chromium, bridge, room, RED)
    await red.evaluate("delete globalThis.documentPictureInPicture")
    await red.press(BUTTON)
    await red.wait("document.pictureInPictureElement?.videoWidth > 0")
    green = await enter(chromium, bridge, room, GREEN, "pasient")
    await red.wait("document.querySelector('.people .tile.has-picture')")
    await red.wait(
        "document.pictureInPictureElement.srcObject.getTracks()[0] "
        "=== document.querySelector('.people .tile.has-picture video').srcObject.getTracks()[0]"
    )
    await shows(red, "document.pictureInPictureElement", GREEN)
    await green.press("Slå av kamera")
    await red.wait("document.querySelector('.people .tile:not(.has-picture)')")
    assert await red.evaluate("document.pictureInPictureElement !== null"), "initials float in its place"
    await red.press("Lukk det lille vinduet")
    await red.wait("document.pictureInPictureElement === null && document.querySelector('.floating-source') === null")
