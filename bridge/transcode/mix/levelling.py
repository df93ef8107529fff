"""Brings voices to one loudness, slowly: a quiet microphone is turned up, a loud one down; pauses change nothing."""

from __future__ import annotations

import math

import numpy as np

from bridge.transcode.mix.blocks import SAMPLE_RATE, Block, decibels

TARGET = -23.0
"""dB of full scale (RMS while speaking) that voices are brought to: room for peaks, and for several at a time."""
MAX_GAIN = 12.0
"""dB up at most: beyond, a quiet voice becomes a loud room."""
MIN_GAIN = -15.0
"""dB down at most."""
GATE = -50.0
"""dB of full scale below which nobody is speaking, whatever the microphone."""
VOICE_OVER_FLOOR = 9.0
"""dB by which a block has to stand out from the background to count as voice."""
RISE = 3.0
"""dB a second that the gain grows at most."""
FALL = 9.0
"""dB a second that the gain shrinks at most: too loud is worse than too quiet."""
MEMORY = 1.5
"""Seconds over which the level of the voice is averaged."""
FLOOR_RISE = 2.0
"""dB a second by which the estimate of the background follows a louder one; it follows a quieter one at once."""


class Leveller:
    """The gain of one voice."""

    def __init__(self) -> None:
        self.gain = 0.0
        """dB, as of the end of the last block."""
        self._voice: float | None = None
        self._floor = GATE

    def process(self, block: Block) -> Block:
        """The block at the voice's gain, which moves evenly within it. The length may differ from block to block."""
        seconds = len(block) / SAMPLE_RATE
        level = decibels(block)
        self._floor = max(min(level, self._floor + FLOOR_RISE * seconds), -100.0)
        before = self.gain
        if level > GATE and level > self._floor + VOICE_OVER_FLOOR:
            self._heard(level, seconds)
        if before == self.gain:
            return block if before == 0.0 else block * np.float32(_factor(before))
        return block * np.linspace(_factor(before), _factor(self.gain), len(block), dtype=np.float32)

    def _heard(self, level: float, seconds: float) -> None:
        if self._voice is None:
            self._voice = level
        else:
            share = 1.0 - math.exp(-seconds / MEMORY)
            power = (1.0 - share) * 10.0 ** (self._voice / 10.0) + share * 10.0 ** (level / 10.0)
            self._voice = 10.0 * math.log10(power)
        wanted = min(max(TARGET - self._voice, MIN_GAIN), MAX_GAIN)
        self.gain += min(max(wanted - self.gain, -FALL * seconds), RISE * seconds)


def _factor(gain: float) -> float:
    return float(10.0 ** (gain / 20.0))
