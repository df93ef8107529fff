"""The metrics behind `/metrics`, in the Prometheus text format.

What happens to calls is counted as it happens (the methods `on_…`, which fit `bridge.signaling`'s `CallObserver`);
what workers and rooms know anyway is read when somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from bridge.observability.leg_collector import LegCollector, LegCounts
from bridge.observability.worker_collector import RoomCollector, RoomCounts, WorkerCollector, WorkerReader

# A series of the time of birth beside each counter would double what is scraped, and nobody asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call]

JOIN_BUCKETS = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LAG_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.025, 0.05, 0.1, 0.25, 1.0)
ROUND_TRIP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0)
JITTER_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25)
SCORE_BUCKETS = (1.5, 2.0, 2.6, 3.1, 3.6, 4.0, 4.3, 4.5)
"""Those between are the bounds of ITU-T G.109."""
ESTIMATE_BUCKETS = (100e3, 200e3, 300e3, 500e3, 1e6, 2e6, 5e6, 10e6)
LOSS_BUCKETS = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


class Named(Protocol):
    """A door: an enum of texts."""

    @property
    def value(self) -> str:
        """Its name."""


class SignInEnded(Protocol):
    """Of a sign-in, what is counted."""

    @property
    def provider(self) -> str:
        """Where."""

    @property
    def outcome(self) -> str:
        """The level's word, or the code that it was refused with."""


class TokenGiven(Protocol):
    """Of a join token that the bridge itself has given, what is counted."""

    @property
    def door(self) -> Named:
        """The door that it was given at."""

    @property
    def level(self) -> str:
        """The level of the sign-in."""


class Metrics:
    """The bridge's own registry, so that two bridges in one process (as in tests) do not mix."""

    def __init__(self, version: str) -> None:
        registry = self._registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        Info("bridge_build", "What runs here.", registry=registry).info({"version": version})
        self._joins = Counter("bridge_joins", "Clients let into a room.", ["door"], registry=registry)
        self._refusals = Counter(
            "bridge_refusals", "Requests refused, by error code.", ["door", "code"], registry=registry
        )
        self._resumes = Counter("bridge_resumes", "Sessions taken up again after a lost connection.", registry=registry)
        self._ends = Counter("bridge_session_ends", "Sessions ended, by reason.", ["door", "reason"], registry=registry)
        self._first_media = Histogram(
            "bridge_join_seconds",
            "From joining to the first media connection that stands.",
            ["door"],
            buckets=JOIN_BUCKETS,
            registry=registry,
        )
        self._loop_lag = Histogram(
            "bridge_event_loop_lag_seconds",
            "How late the event loop of the control plane ran what was due.",
            buckets=LAG_BUCKETS,
            registry=registry,
        )
        self._round_trip = Histogram(
            "bridge_round_trip_seconds",
            "Round-trip time to receivers, one observation per consumer and sample.",
            buckets=ROUND_TRIP_BUCKETS,
            registry=registry,
        )
        self._jitter = Histogram(
            "bridge_jitter_seconds",
            "Inter-arrival jitter (RFC 3550), one observation per producer or consumer and sample.",
            ["direction"],
            buckets=JITTER_BUCKETS,
            registry=registry,
        )
        self._loss = Histogram(
            "bridge_loss_ratio",
            "Share of packets lost, one observation per producer or consumer and sample.",
            ["direction"],
            buckets=LOSS_BUCKETS,
            registry=registry,
        )
        self._estimate = Histogram(
            "bridge_estimate_bits_per_second",
            "What lines to receivers carry, as the bridge estimates; one observation per connection and sample.",
            buckets=ESTIMATE_BUCKETS,
            registry=registry,
        )
        self._score = Histogram(
            "bridge_sound_mos",
            "Mean opinion score of sound by the E-model, an estimate; one observation per session and sample.",
            ["direction"],
            buckets=SCORE_BUCKETS,
            registry=registry,
        )

        self._sign_ins = Counter(
            "bridge_sign_ins", "Sign-ins by level, or by the code they were refused with.", ["provider", "outcome"],
            registry=registry,
        )  # fmt: skip
        self._tokens_given = Counter(
            "bridge_tokens_given", "Join tokens of sign-ins, guest links and portals.", ["door", "level"],
            registry=registry,
        )  # fmt: skip

    def on_sign_in(self, ended: SignInEnded) -> None:
        """A sign-in came to an end: the level's word, or the code that it was refused with."""
        self._sign_ins.labels(ended.provider, ended.outcome).inc()

    def on_invitation_refused(self, refused: object) -> None:
        """A link did not let somebody in: counted with what the door refuses."""

    def on_token_given(self, given: TokenGiven) -> None:
        """A join token was given."""
        self._tokens_given.labels(given.door.value, given.level).inc()

    def on_opinion_score(self, direction: str, score: float) -> None:
        """A sample of a session's sound: "in" is what the bridge receives of it, "out" what it sends to it."""
        self._score.labels(direction).observe(score)

    def watch_workers(self, read: WorkerReader) -> None:
        """Shows what `read()` gives at each request: the counters of every worker that runs."""
        self._registry.register(WorkerCollector(read))

    def watch_rooms(self, count: Callable[[], RoomCounts]) -> None:
        """Shows the rooms and participants that `count()` gives at each request."""
        self._registry.register(RoomCollector(count))

    def watch_draining(self, draining: Callable[[], bool]) -> None:
        """Shows at each request whether new calls are refused."""
        gauge = Gauge(
            "bridge_draining", "1 while no new calls are taken, on an operator's word.", registry=self._registry
        )
        gauge.set_function(lambda: float(draining()))

    def watch_audit(self, writable: Callable[[], bool]) -> None:
        """Shows at each request whether the audit log can be written."""
        gauge = Gauge(
            "bridge_audit_writable", "0 while the audit log cannot be written: no room opens.", registry=self._registry
        )
        gauge.set_function(lambda: float(writable()))

    def watch_legs(self, counts: LegCounts) -> None:
        """Shows what is known of legs at each request."""
        self._registry.register(LegCollector(counts))

    def render(self) -> tuple[bytes, str]:
        """The exposition and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def on_joined(self, door: Named) -> None:
        """A client is in a room."""
        self._joins.labels(door.value).inc()

    def on_refused(self, door: Named, code: str) -> None:
        """A request was refused. `code` is one of ours: clients cannot make up new ones."""
        self._refusals.labels(door.value, code).inc()

    def on_first_media(self, door: Named, seconds: float) -> None:
        """A call's first connection stands, so long after it was joined."""
        self._first_media.labels(door.value).observe(seconds)

    def on_resumed(self) -> None:
        """A client took its session up again."""
        self._resumes.inc()

    def on_ended(self, door: Named, reason: str) -> None:
        """A session ended."""
        self._ends.labels(door.value, reason).inc()

    def on_loop_lag(self, seconds: float) -> None:
        """The event loop ran so late."""
        self._loop_lag.observe(seconds)

    def on_received(self, *, jitter: float, lost: float | None) -> None:
        """A sample of a producer: seconds, and the share lost since it was made, None while nothing was expected."""
        self._jitter.labels("in").observe(jitter)
        if lost is not None:
            self._loss.labels("in").observe(lost)

    def on_sent(self, *, round_trip: float | None, jitter: float, lost: float) -> None:
        """A sample of a consumer, as its receiver reported last: seconds, seconds, and the share lost."""
        if round_trip is not None:
            self._round_trip.observe(round_trip)
        self._jitter.labels("out").observe(jitter)
        self._loss.labels("out").observe(lost)

    def on_estimate(self, bitrate: int) -> None:
        """A sample of a connection that media is sent over: bit/s."""
        self._estimate.observe(bitrate)
