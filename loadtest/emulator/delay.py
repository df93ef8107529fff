"""How long a packet is on its way after it has left the queue."""

from __future__ import annotations

import random
from collections.abc import Callable

from loadtest.emulator.description import Distribution, Jitter, Reordering

_CUT_OFF = 3.0
"""Standard deviations at which the normal distribution ends."""


class DelayProcess:
    """Asked once per packet that is not lost, in the order in which they leave the queue."""

    def __init__(self, delay: float, jitter: Jitter, reordering: Reordering, rng: random.Random) -> None:
        self._delay = delay
        self._reordering = reordering
        self._rng = rng
        self._vary = _variation(jitter, rng) if jitter.spread > 0 else None
        self._keeps_order = not jitter.reorder
        self._latest = 0.0
        varies_down = self._vary is not None and jitter.distribution is not Distribution.EXPONENTIAL
        down = jitter.spread * (_CUT_OFF if jitter.distribution is Distribution.NORMAL else 1.0) if varies_down else 0.0
        self.least = max(0.0, delay - down)
        """No packet takes less than this."""

    def arrival(self, departure: float) -> float:
        """When a packet arrives that left the queue at `departure`."""
        delay = self._delay if self._vary is None else max(self.least, self._delay + self._vary())
        arrival = departure + delay
        if self._keeps_order:
            # A packet that would overtake arrives together with the one before it (RFC 8868: NR-BPDV).
            arrival = self._latest = max(arrival, self._latest)
        if self._reordering.share > 0 and self._rng.random() < self._reordering.share:
            # Not noted as the latest: those behind are not held back with it.
            arrival += self._reordering.by
        return arrival


def _variation(jitter: Jitter, rng: random.Random) -> Callable[[], float]:
    spread = jitter.spread
    match jitter.distribution:
        case Distribution.UNIFORM:
            return lambda: rng.uniform(-spread, spread)
        case Distribution.EXPONENTIAL:
            return lambda: rng.expovariate(1 / spread)
        case Distribution.NORMAL:
            return lambda: _cut_off_normal(rng) * spread


def _cut_off_normal(rng: random.Random) -> float:
    while True:
        value = rng.gauss(0.0, 1.0)
        if abs(value) <= _CUT_OFF:
            return value
