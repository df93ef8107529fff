import asyncio
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bridge.errors import BridgeError
from bridge.observability import Health, Metrics, QualitySampler
from bridge.observability.quality import StatsSource
from bridge.sfu import QualityLevel, QualityReport
from bridge.sfu.quality import Sample

if TYPE_CHECKING:
    from bridge._core import WorkerStats


class Door(StrEnum):
    WHIP = "whip"


def worker_stats(packets: int) -> "WorkerStats":
    return {
        "packets_received": packets,
        "bytes_received": packets * 1200,
        "packets_sent": 2 * packets,
        "bytes_sent": 2 * packets * 1200,
        "kernel_drops": 3,
        "send_failures": 4,
        "errors": {"stun_integrity": 5},
        "busy_ns": 1_500_000_000,
        "transports": 6,
        "producers": 7,
        "consumers": 8,
        "tcp_connections": 9,
        "nacks_received": 10,
        "nacks_sent": 11,
        "retransmissions": 12,
        "keyframe_requests_received": 13,
        "keyframe_requests_sent": 14,
        "events_dropped": 15,
        "forward_delay": [1, 2, 3],
        "forward_delay_bounds_us": [50, 250],
    }


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    body, content_type = metrics.render()
    assert content_type.startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return samples(metrics).get((name, tuple(sorted(labels.items()))))


def test_workers_are_shown_as_they_are_when_asked() -> None:
    metrics = Metrics("0.1.0")
    workers = {0: worker_stats(100)}
    metrics.watch_workers(lambda: workers)
    assert value(metrics, "bridge_worker_packets_total", worker="0", direction="in") == 100
    workers[0] = worker_stats(200)
    workers[1] = worker_stats(50)
    shown = samples(metrics)
    expected: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {
        ("bridge_worker_packets_total", (("direction", "in"), ("worker", "0"))): 200,
        ("bridge_worker_packets_total", (("direction", "out"), ("worker", "1"))): 100,
        ("bridge_worker_bytes_total", (("direction", "out"), ("worker", "1"))): 120_000,
        ("bridge_worker_nacks_total", (("direction", "in"), ("worker", "0"))): 10,
        ("bridge_worker_keyframe_requests_total", (("direction", "out"), ("worker", "0"))): 14,
        ("bridge_worker_errors_total", (("kind", "stun_integrity"), ("worker", "0"))): 5,
        ("bridge_worker_busy_seconds_total", (("worker", "0"),)): 1.5,
        ("bridge_worker_transports", (("worker", "0"),)): 6,
        ("bridge_worker_events_dropped_total", (("worker", "0"),)): 15,
        ("bridge_worker_forward_delay_seconds_bucket", (("le", "5e-05"), ("worker", "0"))): 1,
        ("bridge_worker_forward_delay_seconds_bucket", (("le", "0.00025"), ("worker", "0"))): 3,
        ("bridge_worker_forward_delay_seconds_bucket", (("le", "+Inf"), ("worker", "0"))): 6,
        ("bridge_worker_forward_delay_seconds_count", (("worker", "0"),)): 6,
    }
    assert {key: shown.get(key) for key in expected} == expected


def test_every_counter_of_the_contract_is_shown() -> None:
    metrics = Metrics("0.1.0")
    empty = set(samples(metrics))
    stats: Any = worker_stats(1)
    # Each counter gets a value that stands nowhere else.
    numbers = {key: 1000 + index for index, key in enumerate(stats) if isinstance(stats[key], int)}
    numbers["busy_ns"] = 77_000_000_000
    metrics.watch_workers(lambda: {0: stats | numbers})
    shown = {number for key, number in samples(metrics).items() if key not in empty}
    assert {float(number) for key, number in numbers.items() if key != "busy_ns"} | {77.0} <= shown


def test_rooms_and_participants_are_counted_when_asked() -> None:
    metrics = Metrics("0.1.0")
    counts = (2, 5, 1)
    metrics.watch_rooms(lambda: counts)
    assert value(metrics, "bridge_rooms") == 2
    assert value(metrics, "bridge_test_legs") == 1
    counts = (0, 0, 0)
    assert value(metrics, "bridge_participants") == 0


def test_what_happens_to_calls_is_counted() -> None:
    metrics = Metrics("0.1.0")
    metrics.on_joined(Door.WHIP)
    metrics.on_refused(Door.WHIP, "room_full")
    metrics.on_resumed()
    metrics.on_ended(Door.WHIP, "left")
    metrics.on_first_media(Door.WHIP, 0.08)
    metrics.on_loop_lag(0.002)
    assert value(metrics, "bridge_joins_total", door="whip") == 1
    assert value(metrics, "bridge_refusals_total", door="whip", code="room_full") == 1
    assert value(metrics, "bridge_resumes_total") == 1
    assert value(metrics, "bridge_session_ends_total", door="whip", reason="left") == 1
    assert value(metrics, "bridge_join_seconds_bucket", door="whip", le="0.1") == 1
    assert value(metrics, "bridge_event_loop_lag_seconds_bucket", le="0.0025") == 1
    assert value(metrics, "bridge_build_info", version="0.1.0") == 1


def test_two_bridges_in_a_process_do_not_mix() -> None:
    one, other = Metrics("1"), Metrics("2")
    one.on_resumed()
    assert value(other, "bridge_resumes_total") == 0


class Session:
    session_id = "session"
    samples = (Sample(), Sample())
    quality = QualityReport(QualityLevel.GOOD, None, 3.9, None)

    def __init__(self, packets: int = 90, lost: int = 10) -> None:
        self.asked = 0
        self.asked_twice = asyncio.Event()
        self.gone = False
        self._packets, self._lost = packets, lost

    async def sample(self) -> Mapping[str, Any]:
        self.asked += 1
        if self.asked == 2:
            self.asked_twice.set()
        if self.gone:
            raise BridgeError("session_closed", "The session is closed.")
        producer = {"packets": self._packets, "packets_lost": self._lost, "jitter": 0.003}
        consumer = {"round_trip_time": 0.04, "jitter": 0.002, "fraction_lost": 0.05}
        return {
            "publish": {"producers": [producer], "consumers": [], "estimate": 300_000},
            "subscribe": {"producers": [], "consumers": [consumer], "estimate": 900_000},
        }


async def test_quality_is_sampled_from_sessions() -> None:
    metrics = Metrics("0.1.0")
    sessions: list[StatsSource] = [Session(), Session(packets=0, lost=0)]
    await QualitySampler(lambda: sessions, metrics).sample()
    assert value(metrics, "bridge_loss_ratio_count", direction="in") == 1
    assert value(metrics, "bridge_loss_ratio_bucket", direction="in", le="0.1") == 1
    assert value(metrics, "bridge_loss_ratio_bucket", direction="out", le="0.05") == 2
    assert value(metrics, "bridge_jitter_seconds_count", direction="in") == 2
    assert value(metrics, "bridge_round_trip_seconds_bucket", le="0.05") == 2
    # Over a publish connection nothing is sent: its estimate is the one that it began with.
    assert value(metrics, "bridge_estimate_bits_per_second_bucket", le="500000.0") == 0
    assert value(metrics, "bridge_estimate_bits_per_second_bucket", le="1e+06") == 2
    assert value(metrics, "bridge_sound_mos_bucket", direction="in", le="3.6") == 0
    assert value(metrics, "bridge_sound_mos_bucket", direction="in", le="4.0") == 2


async def test_the_sampler_goes_round_and_passes_over_what_ended() -> None:
    sessions = [Session() for _ in range(5)]
    sessions[1].gone = True
    sampler = QualitySampler(lambda: sessions, Metrics("0.1.0"), per_round=2)
    for _ in range(3):
        await sampler.sample()
    assert [session.asked for session in sessions] == [1, 1, 1, 1, 1]
    del sessions[2:]
    await sampler.sample()
    assert [session.asked for session in sessions] == [2, 2]


async def test_the_sampler_runs_until_it_is_stopped() -> None:
    session = Session()
    sampler = QualitySampler(lambda: [session], Metrics("0.1.0"), interval=0)
    sampler.start()
    await session.asked_twice.wait()
    await sampler.stop()
    await sampler.stop()
    asked = session.asked
    await asyncio.sleep(0)
    assert session.asked == asked


@pytest.mark.parametrize("alive", [True, False])
@pytest.mark.parametrize("open_", [True, False])
def test_being_ready_takes_being_alive(alive: bool, open_: bool) -> None:
    health = Health(live={"workers": lambda: alive}, ready={"open": lambda: open_})
    assert health.live() == {"workers": alive}
    assert health.ready() == {"workers": alive, "open": open_}
    assert health.is_ready() == (alive and open_)


def test_what_is_only_told_keeps_nothing_from_being_ready() -> None:
    health = Health(live={}, ready={"open": lambda: True}, told={"audit_writable": lambda: False})
    assert health.ready() == {"open": True, "audit_writable": False}
    assert health.is_ready()
