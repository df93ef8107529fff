"""One stream of sound as it comes into a mix: packets in, blocks of 20 ms out, evenly.

Packets come as the network lets them. What is decoded waits until there is enough of it to bridge what the packets vary
by; where that was too little, more is kept from then on. Where the sender's clock is faster than ours the surplus goes,
by cross-fading two blocks into one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bridge.transcode.messages import CodecSpec
from bridge.transcode.mix import BLOCK, SAMPLE_RATE, Block, BlockBuffer, from_int16
from bridge.transcode.sound_decoder import SoundDecoder

MIN_TARGET, MAX_TARGET = 2 * BLOCK, 6 * BLOCK
"""Samples that are kept before a stream is heard: 40 ms, and up to 120 ms where packets vary by more."""
CALM_BLOCKS = 500
"""Blocks (10 s) without an interruption after which less is kept again."""
DELAY_SMOOTHING = 1 / 50
"""Of each block in `SoundInput.delay`: about a second."""
SURPLUS_BLOCKS = 50
"""Blocks (1 s) through which there has to be a surplus before any of it goes."""
_CROSS = np.linspace(0.0, 1.0, BLOCK, endpoint=False, dtype=np.float32)


class SoundInput:
    """A jitter buffer and a decoder."""

    def __init__(self, codecs: Sequence[CodecSpec], send: Callable[[bytes], None]) -> None:
        """`send` takes feedback to the publisher. Raises `CodecUnavailableError`."""
        self._decoder = SoundDecoder(codecs, SAMPLE_RATE, send)
        self._buffer = BlockBuffer()
        self._target = MIN_TARGET
        self._plays = self._rests = False
        self._calm = 0
        self._least: int | None = None
        """The least that was held since the last look for a surplus."""
        self._looked = 0
        self._packet = BLOCK
        """Samples of the newest packet: its first one waited for its last one before it was sent."""
        self.delay = (MIN_TARGET + 2 * BLOCK) / SAMPLE_RATE
        """Seconds from sound being taken up until it is given out, without those that it takes on the network."""

    @property
    def gaps(self) -> int:
        """Times that packets were given up."""
        return self._decoder.gaps

    @property
    def packets(self) -> int:
        """That came."""
        return self._decoder.packets_in

    @property
    def errors(self) -> int:
        """Packets that made no sense."""
        return self._decoder.errors

    @property
    def plays(self) -> bool:
        """Whether anything of it is heard now."""
        return self._plays

    @property
    def held(self) -> int:
        """Samples that wait, at 48 kHz."""
        return len(self._buffer)

    def take(self, datagram: bytes, now: float) -> None:
        """Takes in an RTP packet; `now` in seconds of any steady clock."""
        self._decoder.take(datagram, now)

    def decode(self, now: float) -> None:
        """Decodes what is in order now, and asks for what is missing."""
        for ordered in self._decoder.packets(now):
            sound = self._decoder.decode(ordered)
            if sound is not None:
                if not (self._plays or sound.follows):
                    # A sender that leaves out silence (DTX) tells what it sounds like now and then: that is not to be
                    # heard before what is said next.
                    self._buffer = BlockBuffer()
                self._rests = sound.rests
                self._buffer.push(from_int16(sound.samples))
                self._packet = sound.samples.size
        self._decoder.ask(now)

    def block(self) -> Block | None:
        """The next block; None while there is nothing to be heard. To be called every 20 ms."""
        if not self._plays:
            if len(self._buffer) < self._target:
                return None
            self._plays, self._calm, self._looked, self._least = True, 0, 0, None
            self.delay = (len(self._buffer) + self._packet) / SAMPLE_RATE
        block = self._buffer.pop()
        if block is None:
            self._plays = False
            if not self._rests:
                self._target = min(MAX_TARGET, self._target + BLOCK)
            return None
        delay = (len(self._buffer) + BLOCK + self._packet) / SAMPLE_RATE
        self.delay += DELAY_SMOOTHING * (delay - self.delay)
        self._calm += 1
        if self._calm >= CALM_BLOCKS:
            self._calm, self._target = 0, max(MIN_TARGET, self._target - BLOCK)
        return self._without_surplus(block)

    def _without_surplus(self, block: Block) -> Block:
        self._least = min(len(self._buffer), len(self._buffer) if self._least is None else self._least)
        self._looked += 1
        if self._looked < SURPLUS_BLOCKS:
            return block
        least, self._looked, self._least = self._least, 0, None
        if least <= self._target:
            return block
        following = self._buffer.pop()
        return block if following is None else block * (1 - _CROSS) + following * _CROSS
