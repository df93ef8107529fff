"""Between what codecs have (8, 16, 48 kHz; mono, stereo; 16 bit or float) and the mixer's blocks, by libswresample."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

import av
import numpy as np
from numpy.typing import NDArray

from bridge.transcode.mix.blocks import BLOCK, SAMPLE_RATE, Block, BlockBuffer


class ToBlocks:
    """Decoded frames in, the mixer's blocks out."""

    def __init__(self, samples: int = BLOCK) -> None:
        self._buffer = BlockBuffer(samples)
        self._resampler: av.AudioResampler | None = None
        self._input: tuple[int, str, str] | None = None

    def push(self, frame: av.AudioFrame) -> list[Block]:
        """The blocks that are complete with this frame. The stream may change its rate, layout or format."""
        shape = (frame.sample_rate, frame.layout.name, frame.format.name)
        if self._resampler is None or shape != self._input:
            self._drain()
            layout = "mono" if len(frame.layout.channels) == 1 else "stereo"
            self._resampler = av.AudioResampler(format="flt", layout=layout, rate=SAMPLE_RATE)
            self._input = shape
        # The mixer has its own time: a gap of the frames' is the jitter buffer's to fill.
        frame.pts = None
        for part in self._resampler.resample(frame):
            self._buffer.push(_samples(part))
        return self._complete()

    def flush(self) -> list[Block]:
        """What is left, the last block filled up with silence."""
        self._drain()
        blocks = self._complete()
        rest = len(self._buffer)
        if rest:
            self._buffer.push(np.zeros(self._buffer.samples - rest, dtype=np.float32))
            blocks += self._complete()
        return blocks

    def _drain(self) -> None:
        if self._resampler is not None:
            for part in self._resampler.resample(None):
                self._buffer.push(_samples(part))
            self._resampler = None

    def _complete(self) -> list[Block]:
        blocks = []
        while (block := self._buffer.pop()) is not None:
            blocks.append(block)
        return blocks


class FromBlocks:
    """The mixer's blocks in, frames for an encoder out."""

    def __init__(self, *, rate: int, layout: str = "mono", format: str = "s16") -> None:  # noqa: A002
        """`rate` in Hz, `layout` and `format` as FFmpeg names them."""
        self.rate = rate
        self._resampler = av.AudioResampler(format=format, layout=layout, rate=rate)
        self._pts = 0

    def push(self, block: Block) -> list[av.AudioFrame]:
        """What the block becomes. Frames are stamped in samples of `rate`, from 0 on."""
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block).reshape(1, -1), format="flt", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        frames = self._resampler.resample(frame)
        for made in frames:
            made.pts = self._pts
            made.time_base = Fraction(1, self.rate)
            self._pts += made.samples
        return frames


def _samples(frame: av.AudioFrame) -> Block:
    samples = cast(NDArray[np.float32], frame.to_ndarray()).reshape(-1)
    if len(frame.layout.channels) == 1:
        return samples
    # The mean and not what libswresample makes mono of stereo by, which is 3 dB louder where both sides are alike.
    return np.asarray((samples[0::2] + samples[1::2]) * 0.5, dtype=np.float32)
