"""A call is recorded, with everybody's consent and not a moment longer. The independent peers are aiortc and FFmpeg."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from tests.support.bridge import BRIDGE, Bridge, eventually
from tests.support.legs import legs
from tests.support.media import (
    GREEN,
    RED,
    ColourTrack,
    Identity,
    ToneTrack,
    dominant_tone,
    identity_of_picture,
    identity_of_tone,
)
from tests.support.participant import Participant

RATE = 48_000


@contextlib.asynccontextmanager
async def consultation(bridge: Bridge, room: str) -> AsyncIterator[tuple[Participant, Participant]]:
    """A doctor in red and a patient in green."""
    doctor = Participant(bridge.ws_url, bridge.token(room, "doctor"))
    patient = Participant(bridge.ws_url, bridge.token(room, "patient", "pasient"))
    try:
        for participant, identity in ((doctor, RED), (patient, GREEN)):
            await participant.join()
            await participant.publish(ToneTrack(identity), ColourTrack(identity))
        yield doctor, patient
    finally:
        await patient.close()
        await doctor.close()


async def recorded(doctor: Participant, patient: Participant) -> None:
    """Asks, consents, and waits until it is said to be recorded."""
    await doctor.request("ask_to_record", text_version="1")
    asked = await patient.notice(lambda said: said["type"] == "consent_asked")
    await patient.request("answer_consent", consent_id=asked["consent"]["id"], consents=True)
    await patient.notice(lambda said: said["type"] == "room_changed" and said["room"]["recording"] == "on")


def command(bridge: Bridge, *arguments: str) -> str:
    """What `bridge recordings` prints."""
    done = subprocess.run(
        [BRIDGE, "recordings", *arguments, "--data", str(bridge.data)], capture_output=True, text=True, check=True
    )
    return done.stdout


def only_recording(bridge: Bridge) -> dict[str, Any]:
    (recording,) = json.loads(command(bridge, "list", "--json"))
    return dict(recording)


@dataclass
class Decoded:
    """What FFmpeg sees and hears in a file."""

    seconds: float
    pictures: list[Identity | None]
    sounds: list[Identity | None]
    """Of each half second."""


def decode(path: Path) -> Decoded:
    pictures: list[Identity | None] = []
    samples: list[NDArray[np.float64]] = []
    last = 0.0
    resampler = av.AudioResampler("flt", "mono", RATE)
    with av.open(str(path)) as container:
        for frame in container.decode():
            last = max(last, float(getattr(frame, "time", 0.0) or 0.0))
            if isinstance(frame, av.VideoFrame):
                pictures.append(identity_of_picture(frame))
            elif isinstance(frame, av.AudioFrame):
                samples += [part.to_ndarray()[0].astype(float) * 32768 for part in resampler.resample(frame)]
    sound = np.concatenate(samples)
    blocks = [sound[at : at + RATE // 2] for at in range(0, len(sound) - RATE // 2, RATE // 2)]
    return Decoded(last, pictures, [identity_of_tone(dominant_tone(block, RATE)) for block in blocks])


async def test_each_participant_is_recorded_into_a_file_that_anything_plays(
    bridge: Bridge, room: str, tmp_path: Path
) -> None:
    async with consultation(bridge, room) as (doctor, patient):
        await recorded(doctor, patient)
        await asyncio.sleep(5)
        await doctor.request("stop_recording")
        await eventually(lambda: not legs(bridge))
    recording = only_recording(bridge)
    assert recording["state"] == "complete"
    for number, identity in ((1, RED), (2, GREEN)):
        path = tmp_path / f"{number}.webm"
        command(bridge, "export", recording["id"], "--stream", f"track-{number}", "--output", str(path))
        decoded = decode(path)
        assert decoded.seconds > 4
        assert {*decoded.sounds} == {identity}
        assert set(decoded.pictures) == {identity}
    print(
        command(bridge, "export", recording["id"], "--stream", "timeline", "--output", str(tmp_path / "t")),
        (tmp_path / "t").read_text(),
    )
