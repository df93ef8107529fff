"""What went through one direction of a link, counted."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

_GROWTH = 1.1
_SMALLEST = 10e-6
_EDGES = [_SMALLEST * _GROWTH**n for n in range(150)]
"""Upper edges of the classes: from 10 µs to 15 s, each a tenth above the one before."""


class Durations:
    """Many durations in little memory: quantiles are right to a tenth of their value."""

    def __init__(self) -> None:
        self._counts = [0] * (len(_EDGES) + 1)
        self.count = 0
        self.total = 0.0
        self.longest = 0.0

    def add(self, seconds: float) -> None:
        """Notes one."""
        self._counts[bisect_left(_EDGES, seconds)] += 1
        self.count += 1
        self.total += seconds
        self.longest = max(self.longest, seconds)

    @property
    def mean(self) -> float:
        """Seconds; 0 where there was none."""
        return self.total / self.count if self.count else 0.0

    def merge(self, other: Durations) -> None:
        """Adds what another has seen."""
        self._counts = [mine + theirs for mine, theirs in zip(self._counts, other._counts, strict=True)]
        self.count += other.count
        self.total += other.total
        self.longest = max(self.longest, other.longest)

    def without(self, earlier: Durations) -> Durations:
        """What was added since `earlier`, a copy of this one; the longest is right to a tenth, like quantiles."""
        rest = Durations()
        rest._counts = [now - before for now, before in zip(self._counts, earlier._counts, strict=True)]
        rest.count = self.count - earlier.count
        rest.total = self.total - earlier.total
        highest = max((index for index, count in enumerate(rest._counts) if count), default=0)
        rest.longest = min(self.longest, _EDGES[highest] if highest < len(_EDGES) else self.longest)
        return rest

    def histogram(self) -> dict[str, float]:
        """The number of durations by the upper edge of their class in seconds."""
        edges = [*_EDGES, self.longest]
        return {f"{edges[index]:.6g}": count for index, count in enumerate(self._counts) if count}

    def quantile(self, share: float) -> float:
        """The duration that `share` of all do not exceed, in seconds: the upper edge of its class."""
        rank = share * self.count
        seen = 0
        for index, count in enumerate(self._counts):
            seen += count
            if seen >= rank and count:
                return min(_EDGES[index], self.longest) if index < len(_EDGES) else self.longest
        return 0.0

    def as_dict(self) -> dict[str, float]:
        """Milliseconds, for people and programs."""
        return {
            "mean_ms": round(self.mean * 1000, 3),
            "p50_ms": round(self.quantile(0.5) * 1000, 3),
            "p95_ms": round(self.quantile(0.95) * 1000, 3),
            "p99_ms": round(self.quantile(0.99) * 1000, 3),
            "max_ms": round(self.longest * 1000, 3),
        }


class Cause(Enum):
    """Why a packet did not arrive."""

    LOSS = "loss"
    """The loss model."""
    QUEUE = "queue"
    """The queue was full."""
    CODEL = "codel"
    OUTAGE = "outage"
    LIMIT = "limit"
    """More were on their way than the emulator holds."""


@dataclass
class Statistics:
    """Counts of packets, but where the name says otherwise. Cross traffic is counted apart."""

    sent: int = 0
    sent_bytes: int = 0
    delivered: int = 0
    """With the duplicates."""
    delivered_bytes: int = 0
    lost: Counter[Cause] = field(default_factory=Counter)
    duplicated: int = 0
    cross_sent: int = 0
    cross_delivered_bytes: int = 0
    queueing: Durations = field(default_factory=Durations)
    """From arrival to the start of sending."""

    @property
    def loss_share(self) -> float:
        """Share of what was sent that was lost, for whatever reason."""
        return self.lost.total() / self.sent if self.sent else 0.0

    def merge(self, other: Statistics) -> None:
        """Adds what another link has counted."""
        for name, value in vars(other).items():
            if isinstance(value, int):
                setattr(self, name, getattr(self, name) + value)
        self.lost += other.lost
        self.queueing.merge(other.queueing)

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        counts = {name: value for name, value in vars(self).items() if isinstance(value, int)}
        lost = {cause.value: self.lost[cause] for cause in Cause}
        return {**counts, "lost": lost, "queueing": self.queueing.as_dict()}
