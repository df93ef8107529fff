"""Packets of sound in their order; a missing one is waited for about as long as packets vary lately."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from bridge.transcode.rtp import RtpPacket, Unwrapper

MIN_WAIT = 0.02
MAX_WAIT = 0.1
"""Seconds that a missing packet is waited for."""
MAX_PACKETS = 200
MAX_JUMP = 1000
NACK_SECONDS = 0.02
MAX_NACKS = 16
_SMOOTHING = 1 / 16


class Reorder:
    """Packets of one stream in, the same in order out."""

    def __init__(self) -> None:
        self._sequences = Unwrapper(16)
        self._packets: dict[int, tuple[RtpPacket, float]] = {}
        """And when each came."""
        self._missed: deque[int] = deque(maxlen=MAX_PACKETS)
        """Those that were given up."""
        self._next: int | None = None
        self._gap_since: float | None = None
        self._asked = 0.0
        self._arrived: float | None = None
        self._spacing = 0.02
        self._variation = 0.0
        self.gaps = 0
        """Times that packets were given up."""
        self.came = 0.0
        """When the packet came whose turn it was last."""

    @property
    def waits(self) -> bool:
        """Whether a packet is missing."""
        return self._gap_since is not None

    @property
    def wait(self) -> float:
        """Seconds that a missing packet is waited for now."""
        return min(MAX_WAIT, max(MIN_WAIT, 4 * self._variation))

    def push(self, packet: RtpPacket, now: float) -> bool:
        """Takes in a packet; `now` in seconds of any steady clock. Whether it is one that had been given up."""
        self._measure(now)
        sequence = self._sequences.unwrap(packet.sequence)
        if self._next is None:
            self._next = sequence
        if abs(sequence - self._next) > MAX_JUMP or len(self._packets) >= MAX_PACKETS:
            self._packets.clear()
            self._next = sequence
            self.gaps += 1
        if sequence >= self._next:
            self._packets.setdefault(sequence, (packet, now))
        elif sequence in self._missed:
            self._missed.remove(sequence)
            return True
        return False

    def packets(self, now: float, patience: float | None = None) -> Iterator[RtpPacket]:
        """Those whose turn it is. A missing one is waited for through `patience` seconds in place of `wait`."""
        while self._packets and self._next is not None:
            held = self._packets.pop(self._next, None)
            if held is not None:
                self._next += 1
                self._gap_since = None
                packet, self.came = held
                yield packet
                continue
            if self._gap_since is None:
                # Since there is something behind it: gaps that were waited for one after the other would add up.
                self._gap_since = min(came for _, came in self._packets.values())
            if now - self._gap_since < (self.wait if patience is None else patience):
                return
            first = min(self._packets)
            self._missed.extend(range(max(self._next, first - MAX_PACKETS), first))
            self._next, self._gap_since = first, None
            self.gaps += 1
        self._gap_since = None

    def missing(self, now: float) -> list[int]:
        """Sequence numbers (16 bits) to ask for now."""
        if self._gap_since is None or self._next is None or now - self._asked < NACK_SECONDS:
            return []
        self._asked = now
        first = min(self._packets)
        return [sequence & 0xFFFF for sequence in range(self._next, min(first, self._next + MAX_NACKS))]

    def _measure(self, now: float) -> None:
        if self._arrived is not None:
            elapsed = min(0.2, now - self._arrived)
            self._spacing += _SMOOTHING * (elapsed - self._spacing)
            self._variation += _SMOOTHING * (abs(elapsed - self._spacing) - self._variation)
        self._arrived = now
