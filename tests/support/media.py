"""Media that says whose it is: a colour per participant in the picture, a tone per participant in the sound."""

from __future__ import annotations

import asyncio
import fractions
from collections.abc import Callable
from dataclasses import dataclass, field

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack
from av.frame import Frame
from numpy.typing import NDArray

from tests.support.patience import PATIENCE

SAMPLE_RATE = 48_000
SAMPLES_PER_FRAME = 960


@dataclass(frozen=True)
class Identity:
    """How a participant looks and sounds in the tests."""

    name: str
    colour: tuple[int, int, int]
    """Red, green, blue; far enough from the others' that lossy coding cannot confuse them."""
    tone: int
    """Hz; on an exact bin of `dominant_tone`."""


RED = Identity("red", (220, 30, 30), 450)
GREEN = Identity("green", (30, 200, 30), 700)
BLUE = Identity("blue", (30, 30, 220), 1000)
YELLOW = Identity("yellow", (220, 210, 30), 1250)
CYAN = Identity("cyan", (30, 200, 210), 1500)
MAGENTA = Identity("magenta", (210, 40, 210), 1750)
EVERYBODY = (RED, GREEN, BLUE)
SIX = (*EVERYBODY, YELLOW, CYAN, MAGENTA)


class ColourTrack(VideoStreamTrack):
    """A plain picture in the identity's colour with a moving bar, so that every frame differs."""

    def __init__(self, identity: Identity, width: int = 320, height: int = 240) -> None:
        super().__init__()
        self._base = np.empty((height, width, 3), dtype=np.uint8)
        self._count = 0
        self.show(identity)

    def show(self, identity: Identity) -> None:
        """Has the colour of `identity` from the next picture on."""
        self._base[:] = identity.colour

    async def recv(self) -> av.VideoFrame:
        """The next picture, in real time."""
        pts, time_base = await self.next_timestamp()
        picture = self._base.copy()
        x = (self._count * 4) % picture.shape[1]
        picture[:16, x : x + 16] = 255
        self._count += 1
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = pts
        frame.time_base = time_base
        return frame


class ToneTrack(AudioStreamTrack):
    """A steady tone of the identity's frequency: 48 kHz, mono, 20 ms a frame."""

    def __init__(self, identity: Identity) -> None:
        super().__init__()
        self._tone = identity.tone
        self._position = 0
        self._begun: float | None = None

    async def recv(self) -> av.AudioFrame:
        """The next 20 ms, in real time."""
        if self.readyState != "live":
            raise MediaStreamError
        loop = asyncio.get_running_loop()
        if self._begun is None:
            self._begun = loop.time()
        await asyncio.sleep(max(0.0, self._begun + self._position / SAMPLE_RATE - loop.time()))
        at = (self._position + np.arange(SAMPLES_PER_FRAME)) / SAMPLE_RATE
        samples = (np.sin(2 * np.pi * self._tone * at) * 12_000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        frame.pts = self._position
        frame.time_base = fractions.Fraction(1, SAMPLE_RATE)
        self._position += SAMPLES_PER_FRAME
        return frame


def identity_of_picture(frame: av.VideoFrame) -> Identity | None:
    """Whose colour fills the lower half of the picture; None where it is nobody's."""
    rgb = frame.to_ndarray(format="rgb24")
    return identity_of_colour(rgb[rgb.shape[0] // 2 :].reshape(-1, 3).mean(axis=0))


def identity_of_colour(rgb: NDArray[np.floating] | tuple[float, float, float]) -> Identity | None:
    """The identity whose colour is within 60 (of 255, Euclidean) of `rgb`."""
    for identity in SIX:
        if float(np.linalg.norm(np.asarray(rgb, dtype=float) - np.asarray(identity.colour))) < 60:
            return identity
    return None


def dominant_tone(samples: NDArray[np.floating], rate: int) -> float | None:
    """The strongest frequency in Hz of a block of mono samples, or None for silence."""
    if float(np.abs(samples).mean()) < 50:
        return None
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    spectrum[: int(100 * len(samples) / rate)] = 0
    return float(np.argmax(spectrum) * rate / len(samples))


def identity_of_tone(hertz: float | None) -> Identity | None:
    """The identity whose tone is within 25 Hz."""
    for identity in SIX:
        if hertz is not None and abs(hertz - identity.tone) <= 25:
            return identity
    return None


@dataclass
class Watcher:
    """Consumes a received track and remembers whose it was, frame by frame."""

    track: MediaStreamTrack
    inspect: Callable[[Frame], None] | None = None
    frames: int = 0
    seen: list[Identity | None] = field(default_factory=list)
    _task: asyncio.Task[None] | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _block: list[NDArray[np.floating]] = field(default_factory=list)

    def start(self) -> Watcher:
        """Begins to consume."""
        self._task = asyncio.ensure_future(self._run())
        return self

    async def stop(self) -> None:
        """Stops consuming."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def expect(self, identity: Identity, *, times: int = 5, within: float = PATIENCE) -> None:
        """Waits until `identity` was recognised `times` more times in a row."""

        async def recognised() -> None:
            start = len(self.seen)
            while self.seen[start:][-times:] != [identity] * times:
                self._changed.clear()
                await self._changed.wait()

        try:
            await asyncio.wait_for(recognised(), within)
        except TimeoutError:
            names = [one.name if one else "nobody" for one in self.seen[-10:]]
            raise AssertionError(
                f"no {identity.name} on the {self.track.kind} track in {within} s; {self.frames} frames, last {names}"
            ) from None

    async def more(self, frames: int, *, within: float = PATIENCE) -> None:
        """Waits until so many more frames came."""
        until = self.frames + frames
        async with asyncio.timeout(within):
            while self.frames < until:
                self._changed.clear()
                await self._changed.wait()

    async def _run(self) -> None:
        while True:
            try:
                frame = await self.track.recv()
            except MediaStreamError:
                return
            self.frames += 1
            if self.inspect is not None and isinstance(frame, Frame):
                self.inspect(frame)
            elif isinstance(frame, av.VideoFrame):
                self.seen.append(identity_of_picture(frame))
            elif isinstance(frame, av.AudioFrame):
                self._listen(frame)
            self._changed.set()

    def _listen(self, frame: av.AudioFrame) -> None:
        samples = frame.to_ndarray()
        channels = len(frame.layout.channels)
        mono = samples.reshape(-1, channels).mean(axis=1) if samples.shape[0] == 1 else samples.mean(axis=0)
        self._block.append(mono.astype(float))
        if len(self._block) == 5:
            block = np.concatenate(self._block)
            self._block.clear()
            self.seen.append(identity_of_tone(dominant_tone(block, frame.sample_rate)))
