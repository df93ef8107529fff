"""Turns what the supervisor of legs knows into metrics at the moment when somebody asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector


class LegCounts(Protocol):
    """What is read of `bridge.transcode.supervisor.LegSupervisor`."""

    started: int
    restarts: int
    failures: int
    refused: int

    @property
    def cpus(self) -> int:
        """CPUs that legs may run on."""

    def running_by_codec(self) -> dict[tuple[str, str], int]:
        """Legs that run, by source and target codec."""


_COUNTERS = {
    "started": "Processes of legs started, successors included.",
    "restarts": "Processes of legs that ended by themselves and were started again.",
    "failures": "Legs given up since they ended again and again, or could not do what was asked.",
    "refused": "Legs that the budget had no place for.",
}


class LegCollector(Collector):
    """Metrics of legs."""

    def __init__(self, counts: LegCounts) -> None:
        self._counts = counts

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Reads them once."""
        gauge = GaugeMetricFamily("bridge_legs", "Legs that run.", labels=["source", "target"])
        for codecs, count in self._counts.running_by_codec().items():
            gauge.add_metric(codecs, count)
        yield gauge
        yield GaugeMetricFamily("bridge_legs_cpus", "CPUs that legs may run on.", value=self._counts.cpus)
        for name, text in _COUNTERS.items():
            yield CounterMetricFamily(f"bridge_legs_{name}", text, value=getattr(self._counts, name))
