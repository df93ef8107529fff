"""The sum of all voices, once, and for each receiver the sum without its own (N−1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from bridge.errors import BridgeError
from bridge.transcode.mix.blocks import BLOCK, Block, silence
from bridge.transcode.mix.levelling import Leveller
from bridge.transcode.mix.limiter import STEP, Limiter

MAX_SOURCES = 128
"""Voices in a mixer, and receivers of it, each."""
RAMP = 240
"""Samples (5 ms) in which a voice comes in or goes out, so that neither is a click."""


class MixError(BridgeError):
    """The mixer was asked for what it cannot do. Codes: `unknown_source`, `too_many_sources`, `bad_block`."""


@dataclass(slots=True)
class _Voice:
    leveller: Leveller = field(default_factory=Leveller)
    tail: Block | None = None
    """The last samples that were heard, while the voice is in."""
    level: Block | None = None
    """What it put into the sum of this block."""


class Mixer:
    """Voices in, mixes out, in blocks of one size.

    For every block: `feed` it with what each voice has, then take `everyone` and, for each receiver, `without` its own
    voice. A voice for which there is nothing fades out within 5 ms of its own mirror image and comes back with a ramp.
    """

    def __init__(self, samples: int = BLOCK, *, level: bool = True) -> None:
        """`samples` is the length of a block, a multiple of 48; `level` says whether voices come to one loudness."""
        if samples < RAMP or samples % STEP:
            raise MixError("bad_block", f"A block of {samples} samples: expected a multiple of {STEP}, {RAMP} or more.")
        self.samples = samples
        self._level = level
        self._voices: dict[str, _Voice] = {}
        self._leaving: list[Block] = []
        self._sum = silence(samples)
        self._limiters: dict[str | None, Limiter] = {None: Limiter()}

    @property
    def sources(self) -> tuple[str, ...]:
        """The voices that are in, in the order in which they came."""
        return tuple(self._voices)

    def add(self, source: str) -> None:
        """Lets a voice in. A voice that is in already stays as it is."""
        if source in self._voices:
            return
        if len(self._voices) >= MAX_SOURCES:
            raise MixError("too_many_sources", f"There are {MAX_SOURCES} voices in the mixer already.")
        self._voices[source] = _Voice()

    def remove(self, source: str) -> None:
        """Takes a voice out; what was heard of it last fades out in the next block. Raises `MixError`."""
        voice = self._voice(source)
        if voice.tail is not None:
            self._leaving.append(self._fading(voice.tail))
        del self._voices[source]
        self._limiters.pop(source, None)

    def gain(self, source: str) -> float:
        """By how many dB the voice is turned up or down at present. Raises `MixError`."""
        return self._voice(source).leveller.gain

    def feed(self, blocks: Mapping[str, Block | None]) -> None:
        """Takes the next block of every voice; one that is None or missing has nothing. Raises `MixError`."""
        for source, block in blocks.items():
            self._voice(source)
            if block is not None and block.shape != (self.samples,):
                raise MixError(
                    "bad_block",
                    f"A block of shape {block.shape}: expected ({self.samples},).",
                    field=f"blocks[{source!r}]",
                )
        total = silence(self.samples)
        for leaving in self._leaving:
            total += leaving
        self._leaving.clear()
        for source, voice in self._voices.items():
            voice.level = self._next(voice, blocks.get(source))
            if voice.level is not None:
                total += voice.level
        self._sum = total

    def everyone(self) -> Block:
        """The mix of all voices in this block, for a receiver without a voice: a recording, a watcher. Once a block."""
        return self._limiters[None].process(self._sum)

    def without(self, source: str) -> Block:
        """The mix for a receiver: all voices but its own. Once a block and receiver. Raises `MixError`."""
        voice = self._voice(source)
        limiter = self._limiters.setdefault(source, Limiter())
        return limiter.process(self._sum if voice.level is None else self._sum - voice.level)

    def _voice(self, source: str) -> _Voice:
        voice = self._voices.get(source)
        if voice is None:
            raise MixError("unknown_source", "There is no such voice in the mixer.", field="source")
        return voice

    def _next(self, voice: _Voice, block: Block | None) -> Block | None:
        if block is None or not np.isfinite(block).all():
            # A decoder that gives no numbers gives nothing; one such sample would silence the sum for good.
            tail, voice.tail = voice.tail, None
            return None if tail is None else self._fading(tail)
        levelled = voice.leveller.process(block) if self._level else block
        if voice.tail is None:
            levelled = levelled.copy()
            levelled[:RAMP] *= _IN
        voice.tail = levelled[-RAMP:]
        return levelled

    def _fading(self, tail: Block) -> Block:
        """The mirror image of what was heard last, which goes on from there without a step, going out."""
        block = silence(self.samples)
        block[:RAMP] = tail[::-1] * _OUT
        return block


_IN = np.linspace(0.0, 1.0, RAMP, endpoint=False, dtype=np.float32)
_OUT = _IN[::-1].copy()
