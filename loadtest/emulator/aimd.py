"""The congestion window of a TCP of the textbook: slow start, then additive increase, multiplicative decrease.

Loss-based (RFC 5681), counted in packets; no CUBIC, no ECN. It is what an estimator meets on a shared line, not a model
of any one system's TCP. Losses are told to it by whoever carries its packets, in place of duplicate acknowledgements.
"""

from __future__ import annotations

INITIAL_WINDOW = 10.0
"""RFC 6928."""
LARGEST_WINDOW = 1000.0
"""Packets; what bounds a flow on a line without end."""


class AimdWindow:
    """How many packets may be on their way."""

    def __init__(self) -> None:
        self._window = INITIAL_WINDOW
        self._threshold = LARGEST_WINDOW
        self._in_flight = 0
        self._next = 0
        self._recover = -1

    @property
    def window(self) -> float:
        """Packets that may be on their way."""
        return self._window

    @property
    def in_flight(self) -> int:
        """Packets that are on their way."""
        return self._in_flight

    def may_send(self) -> bool:
        """Whether one more may go."""
        return self._in_flight < int(self._window)

    def sent(self) -> int:
        """Notes a packet; returns its number, which `acknowledged` or `lost` is told later."""
        number = self._next
        self._next += 1
        self._in_flight += 1
        return number

    def acknowledged(self) -> None:
        """A packet has arrived."""
        self._in_flight -= 1
        growth = 1.0 if self._window < self._threshold else 1.0 / self._window
        self._window = min(self._window + growth, LARGEST_WINDOW)

    def lost(self, number: int) -> None:
        """A packet is known to be lost. All losses of one window count as one (RFC 6582)."""
        self._in_flight -= 1
        if number > self._recover:
            self._recover = self._next - 1
            self._window = self._threshold = max(2.0, self._window / 2)
