"""One stream of sound as it comes into a leg: packets in, samples out in order; gaps are filled and asked for."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import av
import numpy as np

from bridge.transcode import rtp
from bridge.transcode.audio_codecs import MAX_PACKET_SAMPLES, AudioDecoder, Resampler, Samples, codec_named
from bridge.transcode.libopus import NOTHING
from bridge.transcode.messages import CodecSpec
from bridge.transcode.reorder import Reorder

CONCEALED_SECONDS = 0.1
"""Gaps up to this are filled with what was heard before them, fading; longer ones are silence."""
EVENT = "telephone-event"
_FADE = 0.5
"""Loudness of each repetition against the one before."""


class OrderedPacket(NamedTuple):
    """A packet when it is its turn."""

    packet: rtp.RtpPacket
    codec: CodecSpec
    timestamp: int
    """RTP timestamp, counted on past its 32 bits."""
    came: float
    """Seconds of the clock that `SoundDecoder.take` was told."""


class Sound(NamedTuple):
    """What a packet held."""

    samples: Samples
    """At the rate that was asked for; what fills a gap before it included."""
    filled: int
    """Of them, at the beginning, were made up for what is missing."""
    follows: bool
    """Whether it goes on where the packet before it ended."""
    rests: bool
    """Whether it says that nothing comes for a while, since nothing is heard (DTX)."""


class SoundDecoder:
    """`take` packets, then `packets` and `decode` each that is no event, then `ask`."""

    def __init__(self, codecs: Sequence[CodecSpec], rate: int, send: Callable[[bytes], None]) -> None:
        """`rate`: of the samples wanted. `send` takes feedback to the publisher. Raises `CodecUnavailableError`."""
        for each in codecs:
            if each.name != EVENT:
                codec_named(each.name)
        self._codecs = {each.payload_type: each for each in codecs}
        self._rate = rate
        self._send = send
        self._reorder = Reorder()
        self._timestamps = rtp.Unwrapper(32)
        self.codec: CodecSpec | None = None
        """What is decoded now; None before the first packet."""
        self._decoder: AudioDecoder | None = None
        self._resampler: Resampler | None = None
        self.expected: int | None = None
        """The timestamp at which the next packet begins if nothing is missing."""
        self._last: Samples = np.zeros(0, np.int16)
        self._ssrc = random.getrandbits(32)
        self._source_ssrc: int | None = None
        self.packets_in = self.errors = 0

    @property
    def gaps(self) -> int:
        """Times that packets were given up."""
        return self._reorder.gaps

    @property
    def waits(self) -> bool:
        """Whether packets wait for one that is missing."""
        return self._reorder.waits

    def take(self, datagram: bytes, now: float) -> OrderedPacket | None:
        """Takes in an RTP packet; `now` in seconds of any steady clock. It is given back if it had been given up."""
        try:
            packet = rtp.parse(datagram)
        except rtp.MalformedPacketError:
            self.errors += 1
            return None
        if packet.payload_type not in self._codecs:
            self.errors += 1
            return None
        self._source_ssrc = packet.ssrc
        return self._ordered(packet, now) if self._reorder.push(packet, now) else None

    def packets(self, now: float, patience: float | None = None) -> Iterator[OrderedPacket]:
        """Those whose turn it is; a missing one is waited for as `Reorder.packets` says."""
        for packet in self._reorder.packets(now, patience):
            if packet.payload:
                yield self._ordered(packet, self._reorder.came)

    def ask(self, now: float) -> None:
        """Asks the publisher for what is missing."""
        missing = self._reorder.missing(now)
        if missing and self._source_ssrc is not None:
            self._send(rtp.write_nack(self._ssrc, self._source_ssrc, missing))

    def decode(self, ordered: OrderedPacket) -> Sound | None:
        """None for what makes no sense."""
        self.packets_in += 1
        packet, codec, timestamp, _ = ordered
        if codec is not self.codec or self._decoder is None or self._resampler is None:
            self.codec, self._decoder = codec, AudioDecoder(codec.name)
            self._resampler, self.expected = Resampler(self._decoder.codec.rate, self._rate), None
        try:
            samples = self._decoder.decode(packet.payload)
        except (av.error.FFmpegError, MemoryError, ValueError):
            self.errors += 1
            return None
        if samples.size > MAX_PACKET_SAMPLES:
            self.errors += 1
            return None
        rate = self._decoder.codec.rate
        missing = None if self.expected is None else timestamp - self.expected
        fills = missing is not None and 0 < missing <= CONCEALED_SECONDS * codec.clock_rate and self._last.size > 0
        parts, filled = [], 0
        if fills and missing is not None:
            parts.append(self._resampler.resample(_faded(self._last, missing * rate // codec.clock_rate)))
            filled = parts[0].size
        parts.append(self._resampler.resample(samples))
        self.expected = timestamp + samples.size * codec.clock_rate // rate
        self._last = samples
        rests = codec.name == "opus" and len(packet.payload) <= NOTHING
        return Sound(np.concatenate(parts), filled, fills or missing == 0, rests)

    def _ordered(self, packet: rtp.RtpPacket, came: float) -> OrderedPacket:
        return OrderedPacket(packet, self._codecs[packet.payload_type], self._timestamps.unwrap(packet.timestamp), came)


def _faded(last: Samples, count: int) -> Samples:
    """So many samples like the last ones, each repetition softer."""
    filled: list[Samples] = []
    loudness = 1.0
    while sum(part.size for part in filled) < count:
        loudness *= _FADE
        filled.append((last * loudness).astype(np.int16))
    return np.concatenate(filled)[:count]
