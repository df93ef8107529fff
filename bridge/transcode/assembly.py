"""Frames out of packets: order restored, gaps waited for, asked for again, and at last given up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bridge.transcode.rtp import RtpPacket, Unwrapper

MAX_PACKETS = 2048
"""Packets that wait at most; with more, everything is given up and a keyframe begins anew."""
GAP_SECONDS = 0.2
"""How long a missing packet is waited for: the core asks the publisher for it, too, and round trips are up to that."""
NACK_SECONDS = 0.02
"""How long a packet is missing before the core is asked for it, and between two requests."""
MAX_NACKS = 64
"""Missing packets that are asked for at once."""
MAX_JUMP = 3000
"""A sequence number further away than this is another stream's beginning."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """The packets of one frame."""

    timestamp: int
    """RTP timestamp, counted on past its 32 bits."""
    payloads: tuple[bytes, ...]
    payload_type: int
    after_gap: bool
    """Whether packets before it were given up: its decoder lacks something."""
    packets: tuple[RtpPacket, ...]


class FrameAssembler:
    """Packets of one video stream in, whole frames out."""

    def __init__(self) -> None:
        self._sequences = Unwrapper(16)
        self._timestamps = Unwrapper(32)
        self._packets: dict[int, RtpPacket] = {}
        self._came: dict[int, float] = {}
        """When each of them did."""
        self._next: int | None = None
        self._gap: int | None = None
        """The first packet that is missing before one that is there."""
        self._gap_since: float | None = None
        """When the first one came that is behind it. Gaps are not waited for one after the other: a publisher that
        sends nothing again would come later with each."""
        self._asked: float = 0.0
        self._after_gap = False
        self.gaps = 0
        """Times that packets were given up."""

    def push(self, packet: RtpPacket, now: float) -> None:
        """Takes in a packet; `now` in seconds of any steady clock."""
        sequence = self._sequences.unwrap(packet.sequence)
        if self._next is None:
            self._next = sequence
        if abs(sequence - self._next) > MAX_JUMP or len(self._packets) >= MAX_PACKETS:
            self._give_up_all(sequence)
        if sequence >= self._next and sequence not in self._packets:
            self._packets[sequence], self._came[sequence] = packet, now
        self._note_gap()

    def frames(self, now: float) -> Iterator[Assembled]:
        """The frames that are whole now. Those behind a gap that has lasted too long follow with `after_gap`."""
        while True:
            frame = self._take()
            if frame is not None:
                yield frame
                continue
            if self._gap_since is None or now - self._gap_since < GAP_SECONDS or not self._skip():
                return
            self._note_gap()

    def missing(self, now: float) -> list[int]:
        """Sequence numbers (16 bits) to ask for now."""
        if self._next is None or not self._packets or self._gap_since is None:
            return []
        if now - max(self._gap_since, self._asked) < NACK_SECONDS:
            return []
        self._asked = now
        highest = max(self._packets)
        absent = (sequence for sequence in range(self._next, highest) if sequence not in self._packets)
        return [sequence & 0xFFFF for sequence, _ in zip(absent, range(MAX_NACKS), strict=False)]

    @property
    def waits(self) -> bool:
        """Whether a packet is missing, so that time alone changes something."""
        return self._gap_since is not None

    def _take(self) -> Assembled | None:
        """The next frame, if all of it is there."""
        if self._next is None:
            return None
        at = self._next
        packets: list[RtpPacket] = []
        while (packet := self._packets.get(at)) is not None:
            if packets and packet.timestamp != packets[0].timestamp:
                return self._finish(packets)
            packets.append(packet)
            at += 1
            if packet.marker:
                return self._finish(packets)
        return None

    def _finish(self, packets: list[RtpPacket]) -> Assembled | None:
        assert self._next is not None  # noqa: S101 - there are packets
        for sequence in range(self._next, self._next + len(packets)):
            self._drop(sequence)
        self._next += len(packets)
        after_gap, self._after_gap = self._after_gap, False
        return Assembled(
            self._timestamps.unwrap(packets[0].timestamp),
            tuple(packet.payload for packet in packets if packet.payload),
            packets[0].payload_type,
            after_gap,
            tuple(packets),
        )

    def _note_gap(self) -> None:
        """Finds out whether a packet is missing before one that is there, and since when."""
        at = self._next
        while at is not None and at in self._packets:
            at += 1
        behind = [came for sequence, came in self._came.items() if at is not None and sequence > at]
        if not behind:
            self._gap = self._gap_since = None
        elif at != self._gap:
            self._gap, self._gap_since = at, min(behind)

    def _drop(self, sequence: int) -> None:
        del self._packets[sequence], self._came[sequence]

    def _skip(self) -> bool:
        """Gives up what is missing, and the frame that it is missing from."""
        assert self._next is not None  # noqa: S101 - there is a gap
        later = sorted(self._packets)
        at = self._next
        while at in self._packets:
            at += 1
        broken = self._packets.get(at - 1)
        resumed = next((sequence for sequence in later if sequence > at), None)
        if resumed is None:
            return False
        for sequence in later:
            if sequence < resumed:
                self._drop(sequence)
        self._next = resumed
        # What is left of the frame that was cut has the timestamp of its beginning.
        while broken is not None and (rest := self._packets.get(self._next)) is not None:
            if rest.timestamp != broken.timestamp:
                break
            self._drop(self._next)
            self._next += 1
        self._after_gap = True
        self.gaps += 1
        return True

    def _give_up_all(self, sequence: int) -> None:
        self._packets.clear()
        self._came.clear()
        self._next = sequence
        self._after_gap = True
        self.gaps += 1
