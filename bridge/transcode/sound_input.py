"""One stream of sound as it comes into a mix: packets in, blocks of 20 ms out, evenly.

Packets come as the network lets them. What is decoded waits for as long as packets are late lately, so that those that
are have come when it is their turn; what still has not is bridged. Where sound waits for longer than that takes, by a
whole block, or for no reason, it is caught up with by cross-fading; where it waits too little, a block is made of two.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from bridge.transcode.arrivals import MAX_MARGIN, MIN_MARGIN, Arrivals
from bridge.transcode.messages import CodecSpec
from bridge.transcode.mix import BLOCK, SAMPLE_RATE, Block, BlockBuffer, from_int16, silence
from bridge.transcode.sound_decoder import CONCEALED_SECONDS, OrderedPacket, SoundDecoder

BLOCK_SECONDS = BLOCK / SAMPLE_RATE
SLACK, SLACK_SHARE = 0.001, 0.1
"""Seconds, and share of its margin, by which sound may wait longer or shorter than it has to: what is known of how late
packets are varies by more on a line on which they vary by more."""
SURPLUS_BLOCKS = 25
"""Blocks (half a second) through which there has to be a surplus before any of it goes."""
FAR_SECONDS, FAR_BLOCKS = 0.1, 5
"""Of a surplus of so many seconds, which a line that stood still leaves behind, a block goes after every so many: a
fifth faster is still understood, and nobody waits for half a minute to be in step again."""
LACK_BLOCKS = 10
"""Blocks from one that was put in or left out until another one is put in."""
REST = SAMPLE_RATE // 500
"""Samples (2 ms) that wait for no reason, and are worth to be left out."""
BRIDGED_BLOCKS = round(CONCEALED_SECONDS / BLOCK_SECONDS)
"""Blocks that may be missing until who sends is taken to rest."""
RAMP = 240
"""Samples (5 ms) in which sound comes back after what bridged it."""
_CROSS = np.linspace(0.0, 1.0, BLOCK, endpoint=False, dtype=np.float32)
_IN = np.linspace(0.0, 1.0, RAMP, endpoint=False, dtype=np.float32)


class SoundInput:
    """A jitter buffer and a decoder."""

    def __init__(self, codecs: Sequence[CodecSpec], send: Callable[[bytes], None]) -> None:
        """`send` takes feedback to the publisher. Raises `CodecUnavailableError`."""
        self._decoder = SoundDecoder(codecs, SAMPLE_RATE, send)
        self._arrivals = Arrivals()
        self._buffer = BlockBuffer()
        self._pushed = 0
        """Samples so far."""
        self._ends: deque[tuple[int, float]] = deque()
        """Of packets that wait: how many samples had been pushed with each, and when it was complete, in seconds of the
        sender's clock."""
        self._now = self._since = 0.0
        """Between which the newest packet came."""
        self._length = BLOCK_SECONDS
        """Of the newest packet."""
        self._plays = self._rests = False
        self._missing = 0
        """Blocks in a row."""
        self._owed = 0
        """Samples that were given out in place of what has not come."""
        self._last = silence()
        self._begin_to_look()
        self.delay = MIN_MARGIN + 2 * BLOCK_SECONDS
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

    def take(self, datagram: bytes, now: float, since: float) -> None:
        """Takes in an RTP packet that came between two moments, in seconds of any steady clock."""
        self._now, self._since = now, since
        late = self._decoder.take(datagram, now)
        if late is not None:
            ends = late.timestamp / late.codec.clock_rate + self._length
            if now - self._arrivals.due(ends) <= MAX_MARGIN:
                # Too late to be heard: from now on those like it are waited for.
                self._arrivals.note(now, ends, since)

    def decode(self, now: float) -> None:
        """Decodes what is in order now, and asks for what is missing."""
        # While there is something to be heard, nothing is given up before its turn.
        self._decode(now, math.inf if self._plays else None)
        self._decoder.ask(now)

    def block(self, now: float) -> Block | None:
        """The next block; None while there is nothing to be heard. To be called every 20 ms."""
        if len(self._buffer) < BLOCK and self._plays:
            self._decode(now, 0.0, BLOCK)
        if not self._plays:
            if len(self._buffer) < BLOCK or self._waited(now) < self._arrivals.margin:
                return None
            self._plays = True
            self._begin_to_look()
        if len(self._buffer) < BLOCK:
            return self._bridged()
        waited = self._waited(now)
        rest = self._ends[0][0] - self._given - BLOCK
        self.delay = waited + rest / SAMPLE_RATE + BLOCK_SECONDS
        block = self._adjusted(self._buffer.take(BLOCK), waited, rest)
        if self._missing == 1:
            # After more than that the mixer lets it come back softly.
            block = block.copy()
            block[:RAMP] *= _IN
        self._missing = 0
        self._last = block
        return block

    @property
    def _given(self) -> int:
        """Samples that were taken out of the buffer so far."""
        return self._pushed - len(self._buffer)

    def _decode(self, now: float, patience: float | None, enough: float = math.inf) -> None:
        for ordered in self._decoder.packets(now, patience):
            self._push(ordered)
            if len(self._buffer) >= enough:
                return

    def _push(self, ordered: OrderedPacket) -> None:
        sound = self._decoder.decode(ordered)
        if sound is None or self._decoder.expected is None:
            return
        if not (self._plays or sound.follows):
            # A sender that leaves out silence (DTX) tells what it sounds like now and then: that is not to be heard
            # before what is said next.
            self._buffer = BlockBuffer()
            self._ends.clear()
        self._rests = sound.rests
        begins, ends = (at / ordered.codec.clock_rate for at in (ordered.timestamp, self._decoder.expected))
        self._length = ends - begins
        self._arrivals.note(ordered.came, ends, self._since if ordered.came == self._now else None)
        samples = from_int16(sound.samples)
        # What is missing has been bridged already, or the more of it the longer it was waited for.
        self._keep(samples[min(sound.filled, self._owed) : sound.filled], begins)
        self._keep(samples[sound.filled :], ends)
        self._owed = 0

    def _keep(self, samples: Block, ends: float) -> None:
        if samples.size:
            self._buffer.push(samples)
            self._pushed += samples.size
            self._ends.append((self._pushed, ends))

    def _waited(self, now: float) -> float:
        """Seconds since the packet that completes the next block was due."""
        while self._ends[0][0] < self._given + BLOCK:
            self._ends.popleft()
        return now - self._arrivals.due(self._ends[0][1])

    def _bridged(self) -> Block | None:
        """What is there, and the mirror image of what was heard last, fading: it goes on from there without a step."""
        if self._rests or self._missing == BRIDGED_BLOCKS:
            self._plays, self._missing, self._owed = False, 0, 0
            return None
        self._missing += 1
        if self._missing > 1:
            self._owed += BLOCK
            return None
        held = len(self._buffer)
        self._owed += BLOCK - held
        heard = self._buffer.take(held) if held else silence(0)
        last = np.concatenate((self._last, heard))[-BLOCK:]
        return np.concatenate((heard, (last[::-1] * (1 - _CROSS))[: BLOCK - held]))

    def _begin_to_look(self) -> None:
        self._looked, self._least, self._least_rest = 0, math.inf, BLOCK

    def _adjusted(self, block: Block, waited: float, rest: int) -> Block:
        """The block that was taken last, or one that is made of it and what is before or after it."""
        self._looked += 1
        self._least, self._least_rest = min(self._least, waited), min(self._least_rest, rest)
        margin = self._arrivals.margin
        slack = max(SLACK, SLACK_SHARE * margin)
        if waited < margin - slack and self._looked >= LACK_BLOCKS:
            self._begin_to_look()
            self._buffer.put_back(block)
            return block * (1 - _CROSS) + self._last * _CROSS
        far = self._least >= margin + FAR_SECONDS
        if self._looked < (FAR_BLOCKS if far else SURPLUS_BLOCKS):
            return block
        surplus = BLOCK if self._least >= margin + BLOCK_SECONDS + slack else self._least_rest
        self._begin_to_look()
        if REST <= surplus <= len(self._buffer):
            following = np.concatenate((block, self._buffer.take(surplus)))[-BLOCK:]
            return block * (1 - _CROSS) + following * _CROSS
        return block
