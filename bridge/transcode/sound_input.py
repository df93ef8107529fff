"""One stream of sound as it comes into a mix: packets in, blocks of 20 ms out, evenly.

Packets come as the network lets them. What is decoded waits until there is enough of it to bridge what the packets vary
by; where that was too little, more is kept from then on. Where the sender's clock is faster than ours the surplus goes,
by cross-fading two blocks into one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import av
import numpy as np

from bridge.transcode import rtp
from bridge.transcode.audio_codecs import MAX_PACKET_SAMPLES, AudioDecoder, Resampler, Samples, codec_named
from bridge.transcode.messages import CodecSpec
from bridge.transcode.mix import BLOCK, SAMPLE_RATE, Block, BlockBuffer, from_int16
from bridge.transcode.reorder import Reorder

MIN_TARGET, MAX_TARGET = 2 * BLOCK, 6 * BLOCK
"""Samples that are kept before a stream is heard: 40 ms, and up to 120 ms where packets vary by more."""
CALM_BLOCKS = 500
"""Blocks (10 s) without an interruption after which less is kept again."""
SURPLUS_BLOCKS = 50
"""Blocks (1 s) through which there has to be a surplus before any of it goes."""
CONCEALED_SECONDS = 0.1
"""Gaps up to this are filled with what was heard before them, fading; longer ones are silence."""
_FADE = 0.5
_CROSS = np.linspace(0.0, 1.0, BLOCK, endpoint=False, dtype=np.float32)


class SoundInput:
    """A jitter buffer and a decoder."""

    def __init__(self, codecs: Sequence[CodecSpec], send: Callable[[bytes], None]) -> None:
        """`send` takes feedback to the publisher. Raises `CodecUnavailableError`."""
        for each in codecs:
            codec_named(each.name)
        self._codecs = {each.payload_type: each for each in codecs}
        self._send = send
        self._reorder = Reorder()
        self._timestamps = rtp.Unwrapper(32)
        self._decoding: CodecSpec | None = None
        self._decoder: AudioDecoder | None = None
        self._resampler: Resampler | None = None
        self._expected: int | None = None
        """The timestamp at which the next packet begins if nothing is missing."""
        self._last: Samples = np.zeros(0, np.int16)
        self._buffer = BlockBuffer()
        self._target = MIN_TARGET
        self._plays = False
        self._calm = 0
        self._least: int | None = None
        """The least that was held since the last look for a surplus."""
        self._looked = 0
        self._ssrc = random.getrandbits(32)
        self._source_ssrc: int | None = None
        self.packets = self.errors = 0

    @property
    def gaps(self) -> int:
        """Times that packets were given up."""
        return self._reorder.gaps

    @property
    def held(self) -> int:
        """Samples that wait, at 48 kHz."""
        return len(self._buffer)

    def take(self, datagram: bytes, now: float) -> None:
        """Takes in an RTP packet; `now` in seconds of any steady clock."""
        try:
            packet = rtp.parse(datagram)
        except rtp.MalformedPacketError:
            self.errors += 1
            return
        if packet.payload_type in self._codecs:
            self._source_ssrc = packet.ssrc
            self._reorder.push(packet, now)
        else:
            self.errors += 1

    def decode(self, now: float) -> None:
        """Decodes what is in order now, and asks for what is missing."""
        for packet in self._reorder.packets(now):
            self._decode(packet)
        missing = self._reorder.missing(now)
        if missing and self._source_ssrc is not None:
            self._send(rtp.write_nack(self._ssrc, self._source_ssrc, missing))

    def block(self) -> Block | None:
        """The next block; None while there is nothing to be heard. To be called every 20 ms."""
        if not self._plays:
            if len(self._buffer) < self._target:
                return None
            self._plays, self._calm, self._looked, self._least = True, 0, 0, None
        block = self._buffer.pop()
        if block is None:
            self._plays = False
            self._target = min(MAX_TARGET, self._target + BLOCK)
            return None
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

    def _decode(self, packet: rtp.RtpPacket) -> None:
        if not packet.payload:
            return
        self.packets += 1
        codec = self._codecs[packet.payload_type]
        timestamp = self._timestamps.unwrap(packet.timestamp)
        if codec is not self._decoding or self._decoder is None:
            self._decoding, self._decoder = codec, AudioDecoder(codec.name)
            self._resampler, self._expected = Resampler(self._decoder.codec.rate, SAMPLE_RATE), None
        try:
            samples = self._decoder.decode(packet.payload)
        except (av.error.FFmpegError, MemoryError, ValueError):
            self.errors += 1
            return
        if samples.size > MAX_PACKET_SAMPLES:
            self.errors += 1
            return
        missing = None if self._expected is None else timestamp - self._expected
        if missing is not None and 0 < missing <= CONCEALED_SECONDS * codec.clock_rate and self._last.size:
            self._conceal(missing * self._decoder.codec.rate // codec.clock_rate)
        self._expected = timestamp + samples.size * codec.clock_rate // self._decoder.codec.rate
        self._last = samples
        self._keep(samples)

    def _conceal(self, count: int) -> None:
        filled: list[Samples] = []
        loudness = 1.0
        while sum(part.size for part in filled) < count:
            loudness *= _FADE
            filled.append((self._last * loudness).astype(np.int16))
        self._keep(np.concatenate(filled)[:count])

    def _keep(self, samples: Samples) -> None:
        assert self._resampler is not None  # noqa: S101 - made with the codec
        self._buffer.push(from_int16(self._resampler.resample(samples)))
