"""One probe: so many rooms at once against a bridge of its own, and whether every threshold held."""

from __future__ import annotations

import time
from dataclasses import dataclass

from loadtest.measure import DevelopmentBridge
from loadtest.priority import go_before_others
from loadtest.swarm import native
from loadtest.swarm.outcome import Figures, Outcome
from loadtest.swarm.rooms import Rooms
from loadtest.swarm.target import Target

_WORKER = "worker-0"
_CONTROL = "bridge"


@dataclass(frozen=True)
class Thresholds:
    """What must hold; shares of one, seconds."""

    residual_loss: float = 0.01
    sound_delay_p99: float = 0.04
    picture_delay_p95: float = 0.04
    frozen: float = 0.005
    worker_load: float = 0.95
    """Of the core of the busiest worker: beyond it nothing can be added."""
    swarm_late: float = 0.05
    """The swarm's own lateness: beyond it the swarm is what broke."""
    swarm_cpu: float = 0.97
    """Of a core per thread of the swarm."""


@dataclass(frozen=True)
class Probe:
    """What was measured with so many rooms."""

    rooms: int
    size: int
    bitrate: int
    figures: Figures
    worker_load: float
    """CPU seconds of the worker's thread per second."""
    control_load: float
    """CPU seconds of the event loop's thread per second."""
    memory: int
    """Resident bytes of the bridge at the end."""
    missed: list[str]
    """What did not hold, in words."""
    swarm_was_limit: bool
    """Whether the swarm, rather than the bridge, could not do more."""

    @property
    def held(self) -> bool:
        """Whether everything did."""
        return not self.missed

    @property
    def participants(self) -> int:
        """In all rooms."""
        return self.rooms * self.size


@dataclass(frozen=True)
class Pace:
    """How long a probe takes."""

    settle: float
    """Seconds after the last join: estimates climb."""
    measured: float
    joins_per_second: float
    threads: int


def probe(rooms: int, size: int, bitrate: int, pace: Pace, thresholds: Thresholds) -> Probe:
    """Starts a bridge with one worker, fills it and measures.

    Raises `InputError`, and `KeyboardInterrupt` when it is ended early.
    """
    joining = rooms * size / pace.joins_per_second
    begin = joining + pace.settle
    load = Rooms(
        rooms=rooms,
        size=size,
        bitrate=bitrate,
        seconds=begin + pace.measured,
        threads=pace.threads,
        joins_per_second=pace.joins_per_second,
        name=f"sweep-{size}",
    )
    outcome = Outcome(size)
    with DevelopmentBridge.running() as bridge:
        go_before_others(bridge.pid)
        # Beginning and end of the window: the clock, the worker's CPU, the event loop's.
        readings: list[tuple[float, float, float]] = []

        def on_line(line: native.Line) -> None:
            outcome.note(line)
            if line["type"] == "thread" and line["thread"] == 0 and line["at"] >= begin - 0.5:
                threads = bridge.thread_cpu_seconds()
                worker, control = (sum(threads.get(name, (0.0, 0.0))) for name in (_WORKER, _CONTROL))
                readings.append((time.monotonic(), worker, control))

        native.play(load.plan(Target(bridge.url, process=bridge)), on_line)
        memory = bridge.rss_bytes()
    (first, *_, last) = readings if len(readings) > 1 else [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0)]
    seconds = last[0] - first[0]
    worker_load, control_load = (last[1] - first[1]) / seconds, (last[2] - first[2]) / seconds
    figures = outcome.figures(begin)
    missed = judge(figures, worker_load, thresholds)
    return Probe(
        rooms=rooms,
        size=size,
        bitrate=bitrate,
        figures=figures,
        worker_load=worker_load,
        control_load=control_load,
        memory=memory,
        missed=missed,
        swarm_was_limit=swarm_was_limit(figures, worker_load, pace.threads, thresholds),
    )


def judge(figures: Figures, worker_load: float, thresholds: Thresholds) -> list[str]:
    """What did not hold, in words."""
    missed = []
    if figures.connected < figures.participants:
        missed.append(f"{figures.participants - figures.connected} of {figures.participants} could not stay")
    if figures.silent_streams:
        missed.append(f"{figures.silent_streams} streams never came")
    for name, value, most, unit, factor in (
        ("lost after repair", figures.residual_loss, thresholds.residual_loss, "%", 100),
        ("sound's delay p99", figures.audio_delay_p99, thresholds.sound_delay_p99, "ms", 1e3),
        ("pictures' delay p95", figures.video_delay_p95, thresholds.picture_delay_p95, "ms", 1e3),
        ("time with frozen pictures", figures.frozen_share, thresholds.frozen, "%", 100),
        ("worker's load", worker_load, thresholds.worker_load, "%", 100),
        ("swarm's lateness", figures.late, thresholds.swarm_late, "ms", 1e3),
    ):
        if value is None:
            missed.append(f"{name}: nothing came")
        elif value > most:
            missed.append(f"{name} {value * factor:.3g} {unit} (at most {most * factor:g})")
    return missed


def swarm_was_limit(figures: Figures, worker_load: float, threads: int, thresholds: Thresholds) -> bool:
    """Whether the swarm had nothing left while the bridge had."""
    is_spent = figures.late > thresholds.swarm_late or figures.swarm_cpu > thresholds.swarm_cpu * threads
    return is_spent and worker_load < thresholds.worker_load
