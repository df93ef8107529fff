"""How busy the bridge was in the last quarter of an hour: a sample every five seconds, in memory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge._core import WorkerStats

INTERVAL = 5.0
"""Seconds between samples."""
MAX_SAMPLES = 180

_RATES = ("packets_received", "packets_sent", "bytes_received", "bytes_sent")


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is at a moment."""

    rooms: int
    participants: int
    waiting: int
    legs: int


@dataclass(frozen=True, slots=True)
class WorkerLoad:
    """One worker since the sample before. `busy` is the share of a core, the rest is per second."""

    busy: float
    packets_received: float
    packets_sent: float
    bytes_received: float
    bytes_sent: float

    def as_dict(self) -> dict[str, float]:
        """As the operators' page gets it."""
        return {"busy": round(self.busy, 4), **{name: round(getattr(self, name), 1) for name in _RATES}}


@dataclass(frozen=True, slots=True)
class LoadSample:
    """Five seconds of the bridge."""

    at: float
    """Seconds since the epoch."""
    lag: float
    """The event loop's worst, in seconds."""
    counts: Counts
    workers: Mapping[int, WorkerLoad] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """As the operators' page gets it; `busy` is that of the busiest worker, rates are of all together."""
        loads = list(self.workers.values())
        return {
            "at": self.at,
            "lag": round(self.lag, 6),
            "busy": round(max((load.busy for load in loads), default=0.0), 4),
            **{name: round(sum(getattr(load, name) for load in loads), 1) for name in _RATES},
            "rooms": self.counts.rooms,
            "participants": self.counts.participants,
            "waiting": self.counts.waiting,
            "legs": self.counts.legs,
        }


class LoadHistory:
    """The samples. Fed with the lags of the event loop, which come several times a second, so it needs no timer."""

    def __init__(
        self,
        read: Callable[[], Mapping[int, WorkerStats]],
        count: Callable[[], Counts],
        *,
        on_sampled: Callable[[Mapping[int, WorkerStats]], None] = lambda stats: None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """`read` gives the counters of each worker that runs, by its index; `on_sampled` is told them each time."""
        self._read = read
        self._count = count
        self._on_sampled = on_sampled
        self._clock = clock
        self._wall_clock = wall_clock
        self._samples: deque[LoadSample] = deque(maxlen=MAX_SAMPLES)
        self._before: tuple[float, Mapping[int, WorkerStats]] | None = None
        self._lag = 0.0

    def on_loop_lag(self, seconds: float) -> None:
        """The event loop ran so late."""
        self._lag = max(self._lag, seconds)
        now = self._clock()
        if self._before is not None and now < self._before[0] + INTERVAL:
            return
        stats = self._read()
        if self._before is not None:
            since, before = self._before
            loads = {index: _load(stats[index], before.get(index), now - since) for index in stats}
            self._samples.append(LoadSample(self._wall_clock(), self._lag, self._count(), loads))
        self._before, self._lag = (now, stats), 0.0
        self._on_sampled(stats)

    def since(self, at: float) -> list[dict[str, Any]]:
        """The samples later than `at`, oldest first."""
        return [sample.as_dict() for sample in self._samples if sample.at > at]

    def workers(self) -> Mapping[int, WorkerLoad]:
        """Each worker in the latest sample."""
        return self._samples[-1].workers if self._samples else {}


def _load(now: WorkerStats, before: WorkerStats | None, seconds: float) -> WorkerLoad:
    """What a worker did meanwhile. One that was started anew counts from zero."""
    if before is None or now["busy_ns"] < before["busy_ns"]:
        before = None

    def grown(name: str) -> float:
        since = 0 if before is None else before[name]  # type: ignore[literal-required]
        return max(0, now[name] - since) / seconds  # type: ignore[literal-required, no-any-return]

    return WorkerLoad(grown("busy_ns") / 1e9, *(grown(name) for name in _RATES))
