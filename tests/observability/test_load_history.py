"""Load: a sample every five seconds out of counters that only grow, and start anew with a worker."""

from __future__ import annotations

from typing import Any, cast

from bridge.observability.load_history import INTERVAL, MAX_SAMPLES, Counts, LoadHistory


def counters(busy: float, packets: int = 0, size: int = 0) -> dict[str, Any]:
    return {
        "busy_ns": int(busy * 1e9),
        "packets_received": packets,
        "packets_sent": 2 * packets,
        "bytes_received": size,
        "bytes_sent": 2 * size,
    }


class Bridge:
    def __init__(self) -> None:
        self.now = 0.0
        self.workers: dict[int, dict[str, Any]] = {0: counters(0)}
        self.history = LoadHistory(
            lambda: cast(Any, {index: dict(stats) for index, stats in self.workers.items()}),
            lambda: Counts(1, 2, 3, 4),
            clock=lambda: self.now,
            wall_clock=lambda: 1000 + self.now,
        )

    def run(self, lag: float = 0.0) -> None:
        self.now += INTERVAL
        self.history.on_loop_lag(lag)


def test_rates_are_of_the_time_between_and_the_lag_is_the_worst() -> None:
    bridge = Bridge()
    bridge.history.on_loop_lag(0.5)
    bridge.workers = {0: counters(2.5, 50, 5000), 1: counters(1, 50, 5000)}
    bridge.history.on_loop_lag(0.02)
    bridge.run(0.01)
    [sample] = bridge.history.since(0)
    assert sample == {
        "at": 1005.0, "lag": 0.02, "busy": 0.5, "rooms": 1, "participants": 2, "waiting": 3, "legs": 4,
        "packets_received": 20.0, "packets_sent": 40.0, "bytes_received": 2000.0, "bytes_sent": 4000.0,
    }  # fmt: skip
    assert bridge.history.workers()[1].busy == 0.2


def test_a_worker_that_was_started_anew_counts_from_zero() -> None:
    bridge = Bridge()
    bridge.workers[0] = counters(100, 1000, 1000)
    bridge.history.on_loop_lag(0)
    bridge.workers[0] = counters(0.5, 10, 10)
    bridge.run()
    [sample] = bridge.history.since(0)
    assert (sample["busy"], sample["packets_received"]) == (0.1, 2.0)


def test_the_history_is_bounded_and_told_in_parts() -> None:
    bridge = Bridge()
    for _ in range(MAX_SAMPLES + 10):
        bridge.run()
    everything = bridge.history.since(0)
    assert len(everything) == MAX_SAMPLES
    assert bridge.history.since(everything[-2]["at"]) == [everything[-1]]
