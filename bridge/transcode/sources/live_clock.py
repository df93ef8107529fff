"""The picture with the time code and the tone that beeps with it, as tracks of a participant.

They say the time of day (UTC) by this machine's clock: whoever receives them on a machine whose clock is right reads
the delay of the whole path from the picture, and by flash and beep how far sound and picture are apart.
"""

from __future__ import annotations

import asyncio
import time
from fractions import Fraction

import av
import numpy as np
from aiortc import MediaStreamTrack

from bridge.transcode.mix.blocks import BLOCK, SAMPLE_RATE, to_int16
from bridge.transcode.sources.tone_and_clock import VIDEO_CLOCK, ToneAndClock

DAY = 24 * 3600
FRAME_RATE = 25


class LiveClock:
    """What both tracks go by. It begins when the first of them is asked for something."""

    def __init__(self) -> None:
        self.generator = ToneAndClock()
        self._begun: float | None = None
        self._first = 0.0

    def at(self, elapsed: float) -> float:
        """The time of day in seconds, so long after the beginning."""
        return (self._first + elapsed) % DAY

    async def until(self, elapsed: float) -> None:
        """Waits until so many seconds after the beginning; not at all if that is over."""
        if self._begun is None:
            self._begun = time.monotonic()
            # On a border of blocks, so that a beep begins where its second does.
            self._first = round(time.time() * SAMPLE_RATE / BLOCK) * BLOCK / SAMPLE_RATE
        await asyncio.sleep(max(0.0, self._begun + elapsed - time.monotonic()))


class ClockTrack(MediaStreamTrack):
    """640×360, 25 pictures a second."""

    kind = "video"

    def __init__(self, clock: LiveClock) -> None:
        super().__init__()
        self._clock = clock
        self._count = 0

    async def recv(self) -> av.VideoFrame:
        """The next picture, when its time has come."""
        elapsed = self._count / FRAME_RATE
        self._count += 1
        await self._clock.until(elapsed)
        frame = self._clock.generator.picture(self._clock.at(elapsed))
        frame.pts, frame.time_base = round(elapsed * VIDEO_CLOCK), Fraction(1, VIDEO_CLOCK)
        return frame


class ToneTrack(MediaStreamTrack):
    """Mono, 48 kHz, in blocks of 20 ms."""

    kind = "audio"

    def __init__(self, clock: LiveClock) -> None:
        super().__init__()
        self._clock = clock
        self._count = 0

    async def recv(self) -> av.AudioFrame:
        """The next block, when its time has come."""
        elapsed = self._count * BLOCK / SAMPLE_RATE
        self._count += 1
        await self._clock.until(elapsed)
        index = round(self._clock.at(elapsed) * SAMPLE_RATE / BLOCK)
        samples = to_int16(self._clock.generator.block(index))
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.reshape(1, -1)), format="s16", layout="mono")
        frame.sample_rate, frame.time_base = SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
        frame.pts = round(elapsed * SAMPLE_RATE)
        return frame
