"""Sound in one codec becomes sound in another: what runs inside a leg for audio.

Nothing is held back on a clean line: packets are worked on as they come. Where one is missing, those behind it wait for
it about as long as packets vary lately, and then the gap is filled with what was heard before it, fading.
"""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Callable, Sequence

import av
import numpy as np

from bridge.transcode import rtp
from bridge.transcode.audio_codecs import (
    MAX_PACKET_SAMPLES,
    OPUS_BITRATE,
    OPUS_THIN_BITRATE,
    AudioDecoder,
    AudioEncoder,
    Resampler,
    Samples,
    codec_named,
)
from bridge.transcode.messages import CodecSpec, Start
from bridge.transcode.pacing import IDLE_SECONDS, TICK_SECONDS
from bridge.transcode.reorder import Reorder
from bridge.transcode.sender import RtpSender

CONCEALED_SECONDS = 0.1
"""Gaps up to this are filled; longer ones are silence of which nothing is sent."""
_FADE = 0.5
"""Loudness of each repetition against the one before."""
THIN_BITRATE = 100_000
"""Receivers with less than this get the smaller Opus."""
EVENT = "telephone-event"


class AudioTranscoder:
    """Packets of a sound in, packets of another codec out."""

    def __init__(self, start: Start, send: Callable[[bytes], None]) -> None:
        """Raises `CodecUnavailableError`."""
        self._start = start
        self._send = send
        self._codecs = {each.payload_type: each for each in start.source}
        for each in start.source:
            if each.name != EVENT:
                codec_named(each.name)
        self.bitrate = start.bitrate
        self._thin = start.bitrate < THIN_BITRATE
        self._encoder = self._make_encoder()
        self._sender = RtpSender(send, start.target.payload_type, start.ssrc, start.sequence)
        self._reorder = Reorder()
        self._decoding: CodecSpec | None = None
        self._decoder: AudioDecoder | None = None
        self._resampler: Resampler | None = None
        self._expected: int | None = None
        """The incoming timestamp, counted on, at which the next packet begins if nothing is missing."""
        self._timestamps = rtp.Unwrapper(32)
        self._waiting: Samples = np.zeros(0, np.int16)
        """At the target's rate, less than a packet."""
        self._position = 0
        """Outgoing timestamp of the first sample that waits."""
        self._begins = True
        self._last: Samples = np.zeros(0, np.int16)
        self._ssrc = random.getrandbits(32)
        self._source_ssrc: int | None = None
        self.frames_in = self.frames_out = self.errors = 0
        self.size = (0, 0)
        self.delays: list[float] = []

    @property
    def gaps(self) -> int:
        """Times that packets were given up."""
        return self._reorder.gaps

    @property
    def octets(self) -> int:
        """Of payload that were sent."""
        return self._sender.octets

    @property
    def sequence(self) -> int:
        """The next sequence number."""
        return self._sender.sequence

    def next_step(self, now: float) -> float:
        """Seconds after which it is to look at the time, if no packet comes before."""
        return TICK_SECONDS if self._reorder.waits else IDLE_SECONDS

    def set_bitrate(self, bitrate: int) -> None:
        """What the receiver's line carries."""
        self.bitrate = bitrate
        thin = bitrate < THIN_BITRATE
        if thin is not self._thin:
            self._thin = thin
            self._encoder = self._make_encoder()

    def handle(self, datagrams: Sequence[bytes], now: float) -> None:
        """Takes in what has come since the last time."""
        for datagram in datagrams:
            if rtp.is_rtcp(datagram):
                self._take_rtcp(datagram)
                continue
            try:
                packet = rtp.parse(datagram)
            except rtp.MalformedPacketError:
                self.errors += 1
                continue
            if packet.payload_type in self._codecs:
                self._source_ssrc = packet.ssrc
                self._reorder.push(packet, now)
            else:
                self.errors += 1
        for packet in self._reorder.packets(now):
            begun = time.monotonic()
            self._transcode(packet)
            self.delays.append(time.monotonic() - begun)
        missing = self._reorder.missing(now)
        if missing and self._source_ssrc is not None:
            self._send(rtp.write_nack(self._ssrc, self._source_ssrc, missing))

    def close(self) -> None:
        """Nothing is left to free."""

    def _make_encoder(self) -> AudioEncoder:
        return AudioEncoder(self._start.target.name, bitrate=OPUS_THIN_BITRATE if self._thin else OPUS_BITRATE)

    def _take_rtcp(self, datagram: bytes) -> None:
        for each in rtp.parse_rtcp(datagram):
            if isinstance(each, rtp.SenderReport) and self._decoding is not None:
                # Close to the stream's own timestamps, since reports are of now.
                nearest = self._nearest(each.timestamp)
                if nearest is not None:
                    self._sender.report(each.ntp, self._outgoing(nearest))

    def _nearest(self, timestamp: int) -> int | None:
        if self._expected is None:
            return None
        return self._expected + (((timestamp - self._expected) + (1 << 31)) % (1 << 32)) - (1 << 31)

    def _outgoing(self, timestamp: int) -> int:
        """An incoming timestamp on the target's clock."""
        assert self._decoding is not None  # noqa: S101 - known since the first packet
        clock = self._decoding.clock_rate
        return timestamp * self._start.target.clock_rate // clock + self._start.timestamp_offset

    def _transcode(self, packet: rtp.RtpPacket) -> None:
        if not packet.payload:
            return
        codec = self._codecs[packet.payload_type]
        timestamp = self._timestamps.unwrap(packet.timestamp)
        if codec.name == EVENT:
            self._forward_event(packet, timestamp)
            return
        self.frames_in += 1
        if codec is not self._decoding:
            self._change_codec(codec)
        assert self._decoder is not None  # noqa: S101 - made with the codec
        try:
            samples = self._decoder.decode(packet.payload)
        except (av.error.FFmpegError, MemoryError, ValueError):
            self.errors += 1
            return
        if samples.size > MAX_PACKET_SAMPLES:
            self.errors += 1
            return
        self._place(timestamp, codec.clock_rate)
        self._expected = timestamp + samples.size * codec.clock_rate // self._decoder.codec.rate
        self._last = samples
        self._take(samples)

    def _change_codec(self, codec: CodecSpec) -> None:
        self._decoding = codec
        self._decoder = AudioDecoder(codec.name)
        self._resampler = Resampler(self._decoder.codec.rate, self._encoder.codec.rate)
        self._expected = None

    def _place(self, timestamp: int, clock_rate: int) -> None:
        """Sees to it that what comes now stands where its timestamp says."""
        assert self._decoder is not None  # noqa: S101 - made with the codec
        missing = None if self._expected is None else timestamp - self._expected
        if missing == 0:
            return
        if missing is not None and 0 < missing <= CONCEALED_SECONDS * clock_rate and self._last.size:
            self._conceal(missing * self._decoder.codec.rate // clock_rate)
            return
        self._waiting = np.zeros(0, np.int16)
        self._position = self._outgoing(timestamp)
        self._begins = True

    def _conceal(self, count: int) -> None:
        filled: list[Samples] = []
        loudness = 1.0
        while sum(part.size for part in filled) < count:
            loudness *= _FADE
            filled.append((self._last * loudness).astype(np.int16))
        self._take(np.concatenate(filled)[:count])

    def _take(self, samples: Samples) -> None:
        assert self._resampler is not None  # noqa: S101 - made with the codec
        encoder = self._encoder
        self._waiting = np.concatenate((self._waiting, self._resampler.resample(samples)))
        while self._waiting.size >= encoder.samples:
            block, self._waiting = self._waiting[: encoder.samples], self._waiting[encoder.samples :]
            payload = encoder.encode(block)
            if payload:
                self._sender.send([payload], self._position, marker=self._begins)
                self._begins = False
                self.frames_out += 1
            self._position += encoder.ticks

    def _forward_event(self, packet: rtp.RtpPacket, timestamp: int) -> None:
        """A key that was pressed (RFC 4733): the same event on the target's clock."""
        target = self._start.target_events
        if target is None or len(packet.payload) < 4:
            return
        source = self._codecs[packet.payload_type]
        event, flags, duration = struct.unpack_from("!BBH", packet.payload)
        scaled = min(0xFFFF, duration * target.clock_rate // source.clock_rate)
        self._sender.send(
            [struct.pack("!BBH", event, flags, scaled)],
            timestamp * target.clock_rate // source.clock_rate + self._start.timestamp_offset,
            marker=packet.marker,
            payload_type=target.payload_type,
        )
