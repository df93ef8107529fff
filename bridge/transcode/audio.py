"""Sound in one codec becomes sound in another: what runs inside a leg for audio.

Nothing is held back on a clean line: packets are worked on as they come. Where one is missing, those behind it wait for
it about as long as packets vary lately.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Sequence

import numpy as np

from bridge.transcode import rtp
from bridge.transcode.audio_codecs import Samples
from bridge.transcode.messages import START_LOSS, CodecSpec, Start
from bridge.transcode.pacing import IDLE_SECONDS, TICK_SECONDS
from bridge.transcode.sender import RtpSender
from bridge.transcode.sound_decoder import EVENT, OrderedPacket, SoundDecoder
from bridge.transcode.sound_encoder import OpusLayout, sound_encoder


class AudioTranscoder:
    """Packets of a sound in, packets of another codec out."""

    def __init__(self, start: Start, send: Callable[[bytes], None]) -> None:
        """Raises `CodecUnavailableError`."""
        self._start = start
        self.bitrate = start.bitrate
        self._loss = START_LOSS
        self._dtx = False
        self._encoder = sound_encoder(start.target.name, self._layout)
        self._sender = RtpSender(send, start.target.payload_type, start.ssrc, start.sequence)
        self._input = SoundDecoder(start.source, self._encoder.codec.rate, send)
        self._waiting: Samples = np.zeros(0, np.int16)
        """At the target's rate, less than a packet."""
        self._position = 0
        """Outgoing timestamp of the first sample that waits."""
        self._shift = 0
        """Ticks that are added where the publisher has changed over to a codec of another clock."""
        self._begins = True
        self.frames_out = 0
        self.size = (0, 0)
        self.delays: list[float] = []

    @property
    def gaps(self) -> int:
        """Times that packets were given up."""
        return self._input.gaps

    @property
    def frames_in(self) -> int:
        """Packets of sound that came."""
        return self._input.packets_in

    @property
    def errors(self) -> int:
        """Packets that made no sense."""
        return self._input.errors

    @property
    def octets(self) -> int:
        """Of payload that were sent."""
        return self._sender.octets

    @property
    def sequence(self) -> int:
        """The next sequence number."""
        return self._sender.sequence

    @property
    def thin_sequence(self) -> int:
        """Of sound there is no second encoding."""
        return 0

    def next_step(self, now: float) -> float:
        """Seconds after which it is to look at the time, if no packet comes before."""
        return TICK_SECONDS if self._input.waits else IDLE_SECONDS

    def set_bitrate(self, bitrate: int, _thin: int = 0, /) -> None:
        """What the receiver's line carries."""
        before, self.bitrate = self._layout, bitrate
        self._adapt(before)

    def set_loss(self, percent: int) -> None:
        """What the receivers lose."""
        before, self._loss = self._layout, percent
        self._adapt(before)

    def set_dtx(self, dtx: bool) -> None:
        """Whether all receivers prefer that silence is not sent."""
        before, self._dtx = self._layout, dtx
        self._adapt(before)

    def handle(self, datagrams: Sequence[bytes], now: float) -> None:
        """Takes in what has come since the last time."""
        for datagram in datagrams:
            if rtp.is_rtcp(datagram):
                self._take_rtcp(datagram)
            else:
                self._input.take(datagram, now)
        for ordered in self._input.packets(now):
            begun = time.monotonic()
            self._transcode(ordered)
            self.delays.append(time.monotonic() - begun)
        self._input.ask(now)

    def close(self) -> None:
        """Nothing is left to free."""

    @property
    def _layout(self) -> OpusLayout:
        return OpusLayout.of_line(self.bitrate, self._loss, self._dtx)

    def _adapt(self, before: OpusLayout) -> None:
        if self._layout != before:
            self._encoder.adapt(self._layout)

    def _take_rtcp(self, datagram: bytes) -> None:
        for each in rtp.parse_rtcp(datagram):
            if isinstance(each, rtp.SenderReport) and self._input.codec is not None:
                # Close to the stream's own timestamps, since reports are of now.
                nearest = self._nearest(each.timestamp)
                if nearest is not None:
                    self._sender.report(each.ntp, self._outgoing(nearest))

    def _nearest(self, timestamp: int) -> int | None:
        expected = self._input.expected
        return None if expected is None else expected + ((timestamp - expected + (1 << 31)) % (1 << 32)) - (1 << 31)

    def _outgoing(self, timestamp: int) -> int:
        """An incoming timestamp on the target's clock."""
        assert self._input.codec is not None  # noqa: S101 - known since the first packet
        return self._on_targets_clock(timestamp, self._input.codec)

    def _on_targets_clock(self, timestamp: int, codec: CodecSpec) -> int:
        ticks = timestamp * self._start.target.clock_rate // codec.clock_rate
        return ticks + self._start.timestamp_offset + self._shift

    def _transcode(self, ordered: OrderedPacket) -> None:
        if ordered.codec.name == EVENT:
            self._forward_event(ordered)
            return
        before = self._input.codec
        sound = self._input.decode(ordered)
        if before is not None and before.clock_rate != ordered.codec.clock_rate:
            # The same number is another time by another clock. To a receiver it is one stream, which goes on.
            self._shift += self._position - self._outgoing(ordered.timestamp)
        if sound is None:
            return
        if not sound.follows:
            # What comes now stands where its timestamp says.
            self._waiting = np.zeros(0, np.int16)
            self._position = self._outgoing(ordered.timestamp)
            self._begins = True
        self._take(sound.samples)

    def _take(self, samples: Samples) -> None:
        """Sends what fills packets; `samples` are at the target's rate."""
        encoder = self._encoder
        self._waiting = np.concatenate((self._waiting, samples))
        while self._waiting.size >= encoder.samples:
            block, self._waiting = self._waiting[: encoder.samples], self._waiting[encoder.samples :]
            payload = encoder.encode(block)
            if payload:
                self._sender.send([payload], self._position, marker=self._begins and not encoder.silent)
                self.frames_out += 1
                self._begins = False
            # What is heard after a silence is marked (RFC 3551, section 4.1), and an update of its noise is not.
            self._begins |= encoder.silent
            self._position += encoder.ticks

    def _forward_event(self, ordered: OrderedPacket) -> None:
        """A key that was pressed (RFC 4733): the same event on the target's clock."""
        packet, source, timestamp, _ = ordered
        target = self._start.target_events
        if target is None or len(packet.payload) < 4:
            return
        event, flags, duration = struct.unpack_from("!BBH", packet.payload)
        scaled = min(0xFFFF, duration * target.clock_rate // source.clock_rate)
        self._sender.send(
            [struct.pack("!BBH", event, flags, scaled)],
            self._on_targets_clock(timestamp, source),
            marker=packet.marker,
            payload_type=target.payload_type,
        )
