"""Still pictures over the doors: asked for and consented to by WebSocket, brought and fetched by HTTP."""

from __future__ import annotations

import contextlib
import io
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import numpy as np
import pytest
from PIL import Image

from bridge.errors import BridgeError
from bridge.signaling.stills import StillDoor, StillSettings
from bridge.signaling.stills.picture import JPEG, PNG, read_picture
from tests.signaling.house import House, open_house
from tests.signaling.signal_client import Message, SignalClient
from tests.support.patience import PATIENCE

PLACE = b"GPS: at home"


def picture(kind: str = "JPEG", size: tuple[int, int] = (640, 480), **options: object) -> bytes:
    noise = np.random.default_rng(5).integers(0, 255, (size[1] // 8, size[0] // 8, 3), np.uint8)
    image, file = Image.fromarray(noise).resize(size), io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def with_place() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = PLACE.decode()
    return picture(exif=exif, comment=PLACE) + PLACE


@dataclass
class Scene:
    house: House
    door: StillDoor
    doctor: SignalClient
    patient: SignalClient
    camera: str
    http: httpx.AsyncClient

    async def ask(self) -> str:
        """The id of a picture that the doctor asks for."""
        reply = await self.doctor.request("ask_for_still", source_id=self.camera)
        still = (await self.patient.expect("still_asked"))["still"]
        assert still["id"] == reply["still"]["id"]
        assert still["asked_by"] == self.doctor.joined["participant_id"]
        return str(still["id"])

    async def consent(self, still_id: str) -> Message:
        return await self.patient.request("answer_still", still_id=still_id, consents=True, text_version="2026-1")

    async def bring(self, place: Message, data: bytes, content_type: str = JPEG) -> httpx.Response:
        headers = {"Authorization": f"Bearer {place['ticket']}", "Content-Type": content_type}
        return await self.http.put(f"/v1/{place['path']}", content=data, headers=headers)

    async def fetch(self, file: Message) -> httpx.Response:
        return await self.http.get(f"/v1/{file['path']}", headers={"Authorization": f"Bearer {file['ticket']}"})


@asynccontextmanager
async def scene(settings: StillSettings | None = None) -> AsyncIterator[Scene]:
    async with open_house(stills=settings) as house, httpx.AsyncClient(base_url=house.url, timeout=PATIENCE) as http:
        doctor, patient = await house.joined("doctor"), await house.patient("kari")
        await doctor.request("admit")
        await patient.expect("admitted")
        published = await patient.publish(("0", "video", "camera"))
        yield Scene(house, house.stills, doctor, patient, published["sources"][0]["id"], http)


async def test_a_picture_is_brought_once_and_fetched_once_and_kept_nowhere() -> None:
    async with scene() as on:
        place = await on.consent(await on.ask())
        assert (await on.bring(place, with_place())).status_code == 204
        assert (await on.bring(place, with_place())).json()["code"] == "still_not_found"
        still = (await on.doctor.expect("still_ready"))["still"]
        assert (still["file"]["width"], still["file"]["height"]) == (640, 480)
        assert "still_ready" not in {message["type"] for message in on.patient.set_aside}
        got = await on.fetch(still["file"])
        assert (got.status_code, got.headers["content-type"]) == (200, JPEG)
        assert (got.headers["cache-control"], got.headers["x-content-type-options"]) == ("no-store", "nosniff")
        assert len(got.content) == still["file"]["bytes"]
        assert PLACE not in got.content
        assert (
            np.asarray(Image.open(io.BytesIO(got.content))) == np.asarray(Image.open(io.BytesIO(with_place())))
        ).all()
        for side in (on.doctor, on.patient):
            assert (await side.expect("still_ended"))["reason"] == "delivered"
        assert (await on.fetch(still["file"])).json()["code"] == "still_not_found"
        assert on.door.held == 0


async def test_a_refusal_reaches_whoever_asked() -> None:
    async with scene() as on:
        still_id = await on.ask()
        assert (await on.doctor.request("ask_for_still", source_id=on.camera))["code"] == "still_at_hand"
        reply = await on.patient.request("answer_still", still_id=still_id, consents=False, text_version="2026-1")
        assert reply["type"] == "done"
        assert await on.doctor.expect("still_ended") == {
            "type": "still_ended",
            "still_id": still_id,
            "reason": "refused",
        }


async def test_it_takes_the_grant() -> None:
    async with scene() as on:
        nurse = await on.house.client()
        await nurse.join("room nurse subscribe,chat")
        refused = await nurse.request("ask_for_still", source_id=on.camera)
        assert (refused["code"], refused["grant"]) == ("not_granted", "still")


async def test_what_is_too_large_or_no_picture_is_refused_and_another_may_be_brought() -> None:
    async with scene(StillSettings(max_bytes=100_000)) as on:
        place = await on.consent(await on.ask())
        for data, content_type, status, code in (
            (b"\xff\xd8\xff" + bytes(100_000), JPEG, 413, "body_too_large"),
            (b"GIF89a" + bytes(100), JPEG, 422, "bad_picture"),
            (picture(), "text/html", 415, "unsupported_media_type"),
        ):
            response = await on.bring(place, data, content_type)
            assert (response.status_code, response.json()["code"]) == (status, code)

        async def untold() -> AsyncIterator[bytes]:
            for _ in range(20):
                yield bytes(10_000)

        headers = {"Authorization": f"Bearer {place['ticket']}", "Content-Type": JPEG}
        response = await on.http.put(f"/v1/{place['path']}", content=untold(), headers=headers)
        assert response.json()["code"] == "body_too_large"
        assert on.door.held == 0
        assert (await on.bring(place, picture(size=(320, 240)))).status_code == 204


async def test_tickets_are_needed_and_are_good_for_one_thing() -> None:
    async with scene() as on:
        place = await on.consent(await on.ask())
        assert (await on.http.put(f"/v1/{place['path']}", content=b"")).status_code == 401
        assert (await on.bring({**place, "ticket": "guessed"}, picture())).status_code == 404
        assert (await on.fetch(place)).status_code == 404
        assert (await on.http.post(f"/v1/{place['path']}")).status_code == 405
        assert (await on.bring(place, picture())).status_code == 204
        assert (await on.fetch(place)).status_code == 404


async def test_a_picture_goes_with_whoever_asked() -> None:
    async with scene() as on:
        place = await on.consent(await on.ask())
        assert (await on.bring(place, picture())).status_code == 204
        await on.doctor.request("leave")
        assert (await on.patient.expect("still_ended"))["reason"] == "gone"
        assert on.door.held == 0


async def test_no_more_pictures_than_there_is_memory_for() -> None:
    async with scene(StillSettings(capacity=0)) as on:
        response = await on.bring(await on.consent(await on.ask()), picture())
        assert (response.status_code, response.json()["code"]) == (503, "too_many_stills")


async def test_a_resumed_client_finds_what_it_is_asked() -> None:
    async with scene() as on:
        still_id = await on.ask()
        await on.patient.vanish()
        session = on.patient.joined["session"]
        again = await on.house.client()
        resumed = await again.request("resume", session_id=session["id"], secret=session["secret"])
        assert [(still["id"], still["step"]) for still in resumed["stills"]] == [(still_id, "asked")]


# What a picture is


def test_png_keeps_its_picture_and_nothing_else() -> None:
    place = zlib.crc32(b"tEXt" + PLACE).to_bytes(4, "big")
    chunk = len(PLACE).to_bytes(4, "big") + b"tEXt" + PLACE + place
    data = picture("PNG")
    read = read_picture(data[:33] + chunk + data[33:] + PLACE)
    assert (read.content_type, read.width, read.height) == (PNG, 640, 480)
    assert PLACE not in read.data
    assert (np.asarray(Image.open(io.BytesIO(read.data))) == np.asarray(Image.open(io.BytesIO(data)))).all()


def test_progressive_jpeg_with_restarts_is_whole_afterwards() -> None:
    data = picture(progressive=True, restart_marker_blocks=4)
    read = read_picture(data)
    assert (np.asarray(Image.open(io.BytesIO(read.data))) == np.asarray(Image.open(io.BytesIO(data)))).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_whatever_is_cut_off_or_damaged_is_refused_or_whole(kind: str) -> None:
    data = picture(kind, size=(64, 64))
    for end in range(0, len(data) - 2, 3):
        with pytest.raises(BridgeError):
            read_picture(data[:end])
    for at in range(0, len(data), 5):
        damaged = bytearray(data)
        damaged[at] ^= 0xFF
        with contextlib.suppress(BridgeError):
            read_picture(bytes(damaged))


def test_absurd_sizes_are_refused() -> None:
    data = bytearray(picture("PNG"))
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    with pytest.raises(BridgeError) as caught:
        read_picture(bytes(data))
    assert caught.value.code == "picture_too_large"
