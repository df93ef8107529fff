"""Blocks of sound, and a buffer that cuts blocks of one size out of whatever a decoder gives."""

from __future__ import annotations

import math
from collections import deque
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 48_000
"""Hz; what Opus decodes to, and a multiple of what telephones use."""
BLOCK = 960
"""Samples of a block unless another size is asked for: 20 ms, the frame that almost everyone sends."""
MAX_BUFFERED = SAMPLE_RATE
"""Samples that a `BlockBuffer` holds at most: a second. Who is later than that has lost the beginning."""

Block: TypeAlias = NDArray[np.float32]
"""Mono samples, full scale at ±1.0."""

_FULL_SCALE = 32_767.0


def silence(samples: int = BLOCK) -> Block:
    """A block of nothing."""
    return np.zeros(samples, dtype=np.float32)


def from_int16(samples: NDArray[np.int16]) -> Block:
    """Samples as decoders give them, as a block."""
    return samples.astype(np.float32) * np.float32(1.0 / _FULL_SCALE)


def to_int16(block: Block) -> NDArray[np.int16]:
    """A block as encoders take it. What exceeds full scale, which a limiter never lets through, is cut off."""
    samples: NDArray[np.int16] = np.rint(np.clip(block, -1.0, 1.0) * _FULL_SCALE).astype(np.int16)
    return samples


def decibels(block: Block) -> float:
    """Level (RMS) in dB of full scale: a sine at full scale has −3.0, silence has −inf."""
    power = float(np.dot(block, block)) / max(len(block), 1)
    return 10.0 * math.log10(power) if power > 0.0 else -math.inf


class BlockBuffer:
    """Takes chunks of any length, gives blocks of one. What does not fit in a second is dropped, oldest first."""

    def __init__(self, samples: int = BLOCK) -> None:
        self.samples = samples
        self.dropped = 0
        """Samples that were dropped so far."""
        self._chunks: deque[Block] = deque()
        self._held = 0

    def __len__(self) -> int:
        """Samples held."""
        return self._held

    def push(self, chunk: Block) -> None:
        """Adds samples."""
        if len(chunk) == 0:
            return
        self._chunks.append(chunk)
        self._held += len(chunk)
        excess = self._held - MAX_BUFFERED
        if excess > 0:
            self.take(excess)
            self.dropped += excess

    def pop(self) -> Block | None:
        """The next block, or None while there are not samples enough."""
        return self.take(self.samples) if self._held >= self.samples else None

    def put_back(self, chunk: Block) -> None:
        """Puts samples that were taken before those that are held."""
        self._chunks.appendleft(chunk)
        self._held += len(chunk)

    def take(self, samples: int) -> Block:
        """So many of the samples that are held, 1 at least."""
        parts: list[Block] = []
        missing = samples
        while missing > 0:
            chunk = self._chunks.popleft()
            parts.append(chunk[:missing])
            if len(chunk) > missing:
                self._chunks.appendleft(chunk[missing:])
            missing -= len(parts[-1])
        self._held -= samples
        return parts[0] if len(parts) == 1 else np.concatenate(parts)
