"""Made-up traces of mobile lines: seeded, so that everyone has the same, and made by rules that can be looked at.

The logarithm of the rate is the sum of three parts: its middle; a slow one as of hills and houses (shadowing:
Gudmundson's exponentially correlated process, 1991, with a correlation of tens of seconds at the speed of a tram); and
a fast one as of neighbours who come and go in the cell (correlation of seconds). From time to time the cell is changed,
and nothing gets through for a moment. The figures are ours; they were chosen so that the traces look like those that
people have published of 3G and 4G on the move (Riiser et al., MMSys 2013), and were fitted to none.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

_STEP = 0.5
"""Seconds between two rates."""


@dataclass(frozen=True, slots=True)
class Mobile:
    """What a line is like."""

    about: str
    middle: float
    """Median of the rate, bit/s."""
    most: float
    """What the cell gives at best, bit/s."""
    least: float
    slow_spread: float
    """Standard deviation of the slow part of the rate's natural logarithm."""
    slow_seconds: float
    """Time over which it falls to 1/e of its correlation."""
    fast_spread: float
    fast_seconds: float
    handover_every: float
    """Mean seconds between changes of the cell."""
    handover: tuple[float, float]
    """Seconds that one lasts, evenly between these two."""


KINDS = {
    "3g": Mobile("3G in a tram", 800e3, 3e6, 60e3, 0.55, 18, 0.35, 2.5, 45, (0.3, 1.2)),
    "3g-weak": Mobile("3G at the edge of a cell", 320e3, 1.2e6, 40e3, 0.5, 15, 0.4, 2.0, 60, (0.5, 2.0)),
    "4g-fading": Mobile("4G in a car in the country", 2.5e6, 20e6, 100e3, 1.1, 14, 0.35, 2.0, 40, (0.1, 0.6)),
}


def make_trace(kind: Mobile, seconds: float, seed: int | str) -> list[tuple[float, float]]:
    """(time, bit/s) every half second, rates rounded to kbit/s."""
    chance = random.Random(f"{seed}/{kind.about}")
    slow, fast = chance.gauss(0, kind.slow_spread), chance.gauss(0, kind.fast_spread)
    keep_slow, keep_fast = (math.exp(-_STEP / of) for of in (kind.slow_seconds, kind.fast_seconds))
    gone_from = chance.expovariate(1 / kind.handover_every)
    gone_to = gone_from + chance.uniform(*kind.handover)
    rates = []
    for step in range(round(seconds / _STEP)):
        begin, end = step * _STEP, (step + 1) * _STEP
        slow = _next(slow, keep_slow, kind.slow_spread, chance)
        fast = _next(fast, keep_fast, kind.fast_spread, chance)
        rate = min(kind.most, max(kind.least, kind.middle * math.exp(slow + fast)))
        gone = max(0.0, min(end, gone_to) - max(begin, gone_from))
        if end >= gone_to:
            gone_from = end + chance.expovariate(1 / kind.handover_every)
            gone_to = gone_from + chance.uniform(*kind.handover)
        rates.append((begin, round(rate * (1 - gone / _STEP) / 1000) * 1000.0))
    return rates


def _next(value: float, keep: float, spread: float, chance: random.Random) -> float:
    """An autoregressive process that keeps its standard deviation."""
    return keep * value + math.sqrt(1 - keep * keep) * chance.gauss(0, spread)


def as_csv(kind: str, seconds: float, seed: int | str) -> str:
    """A trace in the form that `traces` reads."""
    rows = "".join(f"{time:g},{rate:.0f}\n" for time, rate in make_trace(KINDS[kind], seconds, seed))
    origin = f"# {KINDS[kind].about}, made by: bridge-loadtest trace {kind} --length {seconds:g}s --seed {seed}"
    return f"{origin}\ntime_s,bit/s\n{rows}"
