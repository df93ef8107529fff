"""Recordings as others see them: the store beside a bridge, and what FFmpeg sees and hears in a file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from bridge.recordings import DEVELOPMENT_KEYS
from bridge.transcode.recording import KeyRing, RecordingStore, StoreSettings
from tests.support.bridge import Bridge
from tests.support.composed import tiles
from tests.support.media import EVERYBODY, Identity, dominant_tone, identity_of_picture, identity_of_tone

RATE = 48_000


def store_of(bridge: Bridge) -> RecordingStore:
    """The bridge's recordings, read beside it."""
    keys = KeyRing.read(bridge.data / DEVELOPMENT_KEYS)
    return RecordingStore(StoreSettings(bridge.data / "recordings", 1e6), keys)


def tracks(bridge: Bridge) -> dict[str, int]:
    """Bytes on the disk of each stream in which there is a picture or a sound, of all recordings."""
    return {name: size for name, size in streams(bridge).items() if name.startswith("track-")}


def streams(bridge: Bridge) -> dict[str, int]:
    """The same of whatever has media in it, and of time lines that are as long."""
    sizes: Counter[str] = Counter()
    for path in (bridge.data / "recordings").glob("*/*.stream"):
        sizes[path.stem] += path.stat().st_size
    # What stands before the first cluster is no recording yet.
    return {name: size for name, size in sizes.items() if size > 1500}


@dataclass
class Decoded:
    """What FFmpeg sees and hears in a file."""

    seconds: float
    """Of the picture."""
    length: float
    """Of the whole file, in seconds, as it says itself: its sound may go on."""
    pictures: set[Identity | None]
    sounds: Counter[Identity | None]
    """Half seconds of each."""


def decode(path: Path) -> Decoded:
    """Decodes a file to its end."""
    with av.open(str(path), "r") as container:
        length = (container.duration or 0) / av.time_base
        pictures = [(frame.time or 0.0, identity_of_picture(frame)) for frame in container.decode(video=0)]
    heard = Counter(identity_of_tone(dominant_tone(block, RATE)) for block in half_seconds(path))
    return Decoded(pictures[-1][0] - pictures[0][0], length, {identity for _, identity in pictures}, heard)


def half_seconds(path: Path) -> list[NDArray[np.float64]]:
    """The sound of a file, in blocks of mono samples."""
    samples: list[NDArray[np.float64]] = []
    resampler = av.AudioResampler("flt", "mono", RATE)
    with av.open(str(path), "r") as container:
        for sound in container.decode(audio=0):
            samples += [part.to_ndarray()[0].astype(float) * 32768 for part in resampler.resample(sound)]
    whole = np.concatenate(samples)
    return [whole[at : at + RATE // 2] for at in range(0, len(whole) - RATE // 2, RATE // 2)]


def voices(path: Path) -> set[Identity]:
    """Whose tones are in the sound of a file, be it together."""
    spectrum = np.sum([np.abs(np.fft.rfft(block * np.hanning(len(block)))) for block in half_seconds(path)], axis=0)
    # Bins of 2 Hz.
    return {identity for identity in EVERYBODY if spectrum[identity.tone // 2] > 0.2 * spectrum[50:].max()}


def last_picture(path: Path, parties: int) -> list[Identity | None]:
    """Who stands where in the last picture of a file that shows so many at once."""
    with av.open(str(path), "r") as container:
        *_, picture = container.decode(video=0)
    return tiles(picture.to_ndarray(format="rgb24").astype(np.uint8, copy=False), parties)
