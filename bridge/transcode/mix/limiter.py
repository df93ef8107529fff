"""Keeps a sum of voices below full scale without the crackle of clipping, and without delaying it.

The block that is at hand is all that is looked at. The gain is decided for millisecond by millisecond of it, so that
it is down where a peak comes, and is joined by straight lines; only where a peak stands at the very beginning of a
block is there no time to come down, and the rest of that millisecond is bent (a hyperbolic tangent) and not cut.
"""

from __future__ import annotations

import math

import numpy as np

from bridge.transcode.mix.blocks import SAMPLE_RATE, Block

CEILING = float(10.0 ** (-1.0 / 20.0))
"""What no sample exceeds: −1 dB of full scale, so that an encoder's ripple stays below it as well."""
STEP = SAMPLE_RATE // 1000
"""Samples over which the gain runs straight: 1 ms."""
RELEASE = 0.25
"""Seconds in which the gain comes back by about two thirds."""
_KNEE = 0.8 * CEILING
_RECOVERY = 1.0 - math.exp(-STEP / (RELEASE * SAMPLE_RATE))
_UNITY = 0.999


class Limiter:
    """The gain of one sum, from block to block."""

    def __init__(self) -> None:
        self.gain = 1.0
        """As of the end of the last block; 1.0 while nothing has to be limited."""

    def process(self, block: Block) -> Block:
        """The block, at most `CEILING` anywhere; it is the same object where nothing had to be done.

        Its length has to be a multiple of `STEP`.
        """
        steps = len(block) // STEP
        if steps * STEP != len(block):
            raise ValueError(f"a block of {len(block)} samples is no multiple of {STEP}")
        peaks = np.abs(block).reshape(steps, STEP).max(axis=1)
        if self.gain == 1.0 and float(peaks.max(initial=0.0)) <= CEILING:
            return block
        allowed = [min(1.0, CEILING / peak) if peak > 0.0 else 1.0 for peak in peaks.tolist()]
        corners = self._corners(allowed)
        gains = np.interp(np.arange(len(block)), np.arange(steps + 1) * STEP, corners)
        limited = block * gains.astype(np.float32)
        if corners[0] > allowed[0]:
            limited[:STEP] = _bend(limited[:STEP])
        self.gain = 1.0 if corners[-1] > _UNITY else corners[-1]
        return limited

    def _corners(self, allowed: list[float]) -> list[float]:
        """The gain at the beginning of every step and at the end of the last: never above what its two steps allow."""
        corners = [self.gain]
        for index, here in enumerate(allowed):
            following = allowed[index + 1] if index + 1 < len(allowed) else 1.0
            recovered = corners[-1] + (1.0 - corners[-1]) * _RECOVERY
            corners.append(min(recovered, here, following))
        return corners


def _bend(samples: Block) -> Block:
    size = np.abs(samples)
    bent = _KNEE + (CEILING - _KNEE) * np.tanh((size - _KNEE) / (CEILING - _KNEE))
    return np.where(size > _KNEE, np.sign(samples) * bent, samples).astype(np.float32)
