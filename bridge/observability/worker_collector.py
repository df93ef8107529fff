"""Turns what workers and rooms know into metrics at the moment when somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from bridge._core import WorkerStats

WorkerReader = Callable[[], Mapping[int, "WorkerStats"]]
"""Gives the counters of each worker that runs, by its index."""

RoomCounts = tuple[int, int, int]
"""Rooms, participants, and test legs, which are none of the participants."""

_GAUGES = {
    "transports": "Media connections.",
    "producers": "Media sources received.",
    "consumers": "Media sources sent, one per receiver.",
    "tcp_connections": "Connections over TCP.",
}
_COUNTERS = {
    "kernel_drops": "Datagrams dropped by the kernel since a receive buffer was full.",
    "send_failures": "Datagrams that could not be sent.",
    "retransmissions": "Packets sent again because a receiver asked for them.",
    "events_dropped": "Events for the control plane that were dropped since its queue was full.",
}
_TWO_WAY = {
    "packets": ("packets_received", "packets_sent", "Datagrams."),
    "bytes": ("bytes_received", "bytes_sent", "Bytes of datagrams."),
    "nacks": ("nacks_received", "nacks_sent", "Packets asked for again (RTCP NACK)."),
    "keyframe_requests": ("keyframe_requests_received", "keyframe_requests_sent", "Keyframes asked for (PLI, FIR)."),
}


class WorkerCollector(Collector):
    """Metrics of the data plane, labelled by worker."""

    def __init__(self, read: WorkerReader) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: the workers may not run yet."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Reads every worker once."""
        workers = {str(index): stats for index, stats in self._read().items()}
        for key, text in _GAUGES.items():
            gauge = GaugeMetricFamily(f"bridge_worker_{key}", text, labels=["worker"])
            for worker, stats in workers.items():
                gauge.add_metric([worker], stats[key])  # type: ignore[literal-required]
            yield gauge
        for key, text in _COUNTERS.items():
            counter = CounterMetricFamily(f"bridge_worker_{key}", text, labels=["worker"])
            for worker, stats in workers.items():
                counter.add_metric([worker], stats[key])  # type: ignore[literal-required]
            yield counter
        for key, (received, sent, text) in _TWO_WAY.items():
            counter = CounterMetricFamily(f"bridge_worker_{key}", text, labels=["worker", "direction"])
            for worker, stats in workers.items():
                counter.add_metric([worker, "in"], stats[received])  # type: ignore[literal-required]
                counter.add_metric([worker, "out"], stats[sent])  # type: ignore[literal-required]
            yield counter
        yield _busy(workers)
        yield _errors(workers)
        yield _forward_delay(workers)


class RoomCollector(Collector):
    """How many rooms and participants there are."""

    def __init__(self, count: Callable[[], RoomCounts]) -> None:
        self._count = count

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Counts once."""
        rooms, participants, test_legs = self._count()
        yield GaugeMetricFamily("bridge_rooms", "Rooms, those included that linger empty.", value=rooms)
        yield GaugeMetricFamily(
            "bridge_participants", "Participants in all rooms, without test legs.", value=participants
        )
        yield GaugeMetricFamily("bridge_test_legs", "Programs that vendors have join their rooms.", value=test_legs)


def _busy(workers: Mapping[str, WorkerStats]) -> Metric:
    busy = CounterMetricFamily(
        "bridge_worker_busy_seconds", "CPU time of the worker's thread; its rate is the load.", labels=["worker"]
    )
    for worker, stats in workers.items():
        busy.add_metric([worker], stats["busy_ns"] / 1e9)
    return busy


def _errors(workers: Mapping[str, WorkerStats]) -> Metric:
    errors = CounterMetricFamily("bridge_worker_errors", "Unusable datagrams by kind.", labels=["worker", "kind"])
    for worker, stats in workers.items():
        for kind, count in stats["errors"].items():
            errors.add_metric([worker, kind], count)
    return errors


def _forward_delay(workers: Mapping[str, WorkerStats]) -> Metric:
    delay = HistogramMetricFamily(
        "bridge_worker_forward_delay_seconds",
        "From receiving a packet to handing the forwarded one to the kernel.",
        labels=["worker"],
    )
    for worker, stats in workers.items():
        bounds = [repr(bound / 1e6) for bound in stats["forward_delay_bounds_us"]] + ["+Inf"]
        counts = list(accumulate(stats["forward_delay"]))
        # The worker keeps no sum, and a histogram without one serves quantiles just as well.
        delay.add_metric([worker], buckets=list(zip(bounds, counts, strict=True)), sum_value=None)
        delay.add_sample("bridge_worker_forward_delay_seconds_count", {"worker": worker}, counts[-1])
    return delay
