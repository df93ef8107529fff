"""A call is recorded, with everybody's consent and not a moment longer. The independent peers are aiortc and FFmpeg."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

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
    pictures, samples, last = [], [], 0.0
    with av.open(str(path)) as container:
        for frame in container.decode():
            last = max(last, float(frame.time or 0.0))
            if isinstance(frame, av.VideoFrame):
                pictures.append(identity_of_picture(frame))
            else:
                samples.append(
                    frame.to_ndarray().reshape(-1, len(frame.layout.channels) if frame.format.is_packed else 1)[:, 0]
                )
                rate = frame.sample_rate
    sound = np.concatenate(samples) * (1 if samples[0].dtype == np.int16 else 32768)
    blocks = [sound[at : at + rate // 2] for at in range(0, len(sound) - rate // 2, rate // 2)]
    return Decoded(last, pictures, [identity_of_tone(dominant_tone(block, rate)) for block in blocks])


async def test_each_participant_is_recorded_into_a_file_that_anything_plays(
    bridge: Bridge, room: str, tmp_path: Path
) -> None:
    async with consultation(bridge, room) as (doctor, patient):
        await recorded(doctor, patient)
        await asyncio.sleep(5)
        await doctor.request("stop_recording")
        await eventually(lambda: not legs(bridge))
    recording = only_recording(bridge)
    print(recording)
    assert recording["state"] == "complete"
    for number, identity in ((1, RED), (2, GREEN)):
        path = tmp_path / f"{number}.webm"
        command(bridge, "export", recording["id"], "--stream", f"track-{number}", "--output", str(path))
        decoded = decode(path)
        print(decoded)
        assert set(decoded.pictures) == {identity}
    print(
        command(bridge, "export", recording["id"], "--stream", "timeline", "--output", str(tmp_path / "t")),
        (tmp_path / "t").read_text(),
    )
