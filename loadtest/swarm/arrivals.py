"""What arrives at a light peer on one SSRC, and when it was sent."""

from __future__ import annotations

from dataclasses import dataclass

CLOCK_RATES = {111: 48_000, 96: 90_000}
"""By payload type, as light peers offer them. Light peers stamp RTP packets with the time at which they are sent."""

_UNBROKEN = 0.03
"""Seconds between two packets at their sender up to which a pause at their receiver counts as a gap."""


@dataclass
class Arrivals:
    """Packets of one SSRC, by the kernel's time of receipt and the sender's RTP clock.

    Only the first packet is decrypted: its payload tells the time of sending, which ties the RTP clock, readable in
    every later header, to the wall clock.
    """

    clock_rate: int
    packets: int = 0
    lost: int = 0
    """Holes in the sequence numbers; what comes late fills its hole."""
    longest_gap: float = 0.0
    """Seconds between two packets that were sent without such a pause."""
    longest_delay: float = 0.0
    """Seconds from the sender's stamp to the kernel's, after encryption at the sender."""
    _last: float = 0.0
    _last_sent: float = 0.0
    _highest: int = 0
    _origin: float = 0.0
    _origin_timestamp: int = 0

    def begin(self, timestamp: int, sent: float) -> None:
        """Ties the RTP clock to the wall clock."""
        self._origin, self._origin_timestamp = sent, timestamp

    def note(self, sequence: int, timestamp: int, now: float) -> None:
        """Takes note of a packet."""
        ahead = (timestamp - self._origin_timestamp + (1 << 31) & 0xFFFFFFFF) - (1 << 31)
        sent = self._origin + ahead / self.clock_rate
        if self.packets:
            step = (sequence - self._highest + (1 << 15) & 0xFFFF) - (1 << 15)
            self.lost += step - 1 if step > 0 else -1
            if step > 0:
                self._highest = sequence
            if sent - self._last_sent < _UNBROKEN:
                self.longest_gap = max(self.longest_gap, now - self._last)
        else:
            self._highest = sequence
        self.longest_delay = max(self.longest_delay, now - sent)
        self.packets += 1
        self._last, self._last_sent = now, sent

    def start_over(self) -> None:
        """Forgets what was counted, not what is known of the clock."""
        self.packets = self.lost = 0
        self.longest_gap = self.longest_delay = 0.0
