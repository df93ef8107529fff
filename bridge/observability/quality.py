"""Looks at the media statistics of a few sessions at a time, so that metrics show what participants get.

Statistics of transports come from the workers' threads on request. To ask for all of them at each scrape would be a
burst as large as the bridge is busy; a steady trickle costs the same on a quiet day and on the busiest.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from bridge.background import Background
from bridge.errors import BridgeError

_log = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds between two rounds."""
SESSIONS_PER_ROUND = 100
"""Sessions looked at in a round at most; with more than that in calls, it takes several rounds to see all of them."""
FEW = 20
"""So many are looked at in every round, whatever `ROUNDS` says."""
ROUNDS = 4
"""Rounds in which all are seen as long as the bound of a round allows: each session every few seconds."""


class StatsSource(Protocol):
    """A session's media; see `bridge.sfu.MediaSession.sample`, which rates its quality besides."""

    async def sample(self) -> Mapping[str, Any]:
        """`{"publish": TransportStats | None, "subscribe": TransportStats | None}`."""

    @property
    def session_id(self) -> str:
        """Its id."""

    @property
    def quality(self) -> Quality:
        """How good its sound is, by the samples so far."""

    @property
    def samples(self) -> tuple[Sample, Sample]:
        """What it sends and what it receives, as of the last sample."""


class Sample(Protocol):
    """See `bridge.sfu.quality.Sample`."""

    @property
    def codecs(self) -> Collection[str]:
        """Names of the codecs that are in use."""

    @property
    def lost(self) -> float | None:
        """Share of the packets that were lost on the line."""

    @property
    def jitter(self) -> float | None:
        """Seconds."""

    @property
    def round_trip(self) -> float | None:
        """Seconds."""

    @property
    def score(self) -> float | None:
        """Mean opinion score of the sound, an estimate."""


class Quality(Protocol):
    """See `bridge.sfu.QualityReport`."""

    @property
    def publish_score(self) -> float | None:
        """Mean opinion score of what it sends, an estimate; None while it is unknown."""

    @property
    def subscribe_score(self) -> float | None:
        """The same of what it receives."""


class QualityObserver(Protocol):
    """Where the samples go; see `Metrics`."""

    def on_received(self, *, jitter: float, lost: float | None) -> None:
        """A sample of a producer."""

    def on_sent(self, *, round_trip: float | None, jitter: float, lost: float) -> None:
        """A sample of a consumer."""

    def on_estimate(self, bitrate: int) -> None:
        """What the line of a connection that media is sent over carries, in bit/s."""

    def on_opinion_score(self, direction: str, score: float) -> None:
        """The estimate for a session's sound: "in" for what it sends to the bridge, "out" for what it receives."""


class QualitySampler(Background):
    """Goes round all sessions, a few at a time, until it is stopped."""

    def __init__(
        self,
        sessions: Callable[[], Sequence[StatsSource]],
        observer: QualityObserver,
        *,
        on_sampled: Callable[[StatsSource, Mapping[str, Any]], None] = lambda _session, _stats: None,
        interval: float = INTERVAL,
        per_round: int = SESSIONS_PER_ROUND,
    ) -> None:
        """`sessions()` gives those there are now, in an order that changes little; `on_sampled` is told of each."""
        super().__init__()
        self._on_sampled = on_sampled
        self._sessions = sessions
        self._observer = observer
        self._interval = interval
        self._per_round = per_round
        self._next = 0

    async def sample(self) -> None:
        """One round: the next few sessions, one after the other."""
        sessions = self._sessions()
        if self._next >= len(sessions):
            self._next = 0
        share = min(self._per_round, max(FEW, -(-len(sessions) // ROUNDS)))
        chosen = sessions[self._next : self._next + share]
        self._next += len(chosen)
        for session in chosen:
            try:
                stats = await session.sample()
                self._observe(stats)
                self._on_sampled(session, stats)
                quality = session.quality
            except BridgeError:
                # It ended while we asked.
                continue
            for direction, score in (("in", quality.publish_score), ("out", quality.subscribe_score)):
                if score is not None:
                    self._observer.on_opinion_score(direction, score)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.sample()
            except Exception:
                _log.exception("Sampling media quality failed")

    def _observe(self, stats: Mapping[str, Any]) -> None:
        for transport in stats.values():
            if transport is None:
                continue
            for producer in transport["producers"]:
                expected = producer["packets"] + producer["packets_lost"]
                lost = max(0, producer["packets_lost"]) / expected if expected > 0 else None
                self._observer.on_received(jitter=producer["jitter"], lost=lost)
            # Of a connection over which nothing is sent, the estimate is the one that it began with.
            if transport["consumers"] and transport["estimate"] is not None:
                self._observer.on_estimate(transport["estimate"])
            for consumer in transport["consumers"]:
                self._observer.on_sent(
                    round_trip=consumer["round_trip_time"], jitter=consumer["jitter"], lost=consumer["fraction_lost"]
                )
