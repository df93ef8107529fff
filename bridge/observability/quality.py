"""Looks at the media statistics of a few sessions at a time, so that metrics show what participants get.

Statistics of transports come from the workers' threads on request. To ask for all of them at each scrape would be a
burst as large as the bridge is busy; a steady trickle costs the same on a quiet day and on the busiest.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from bridge.errors import BridgeError

_log = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds between two rounds."""
SESSIONS_PER_ROUND = 20
"""Sessions looked at in a round; with more than that in calls, it takes several rounds to see all of them."""


class StatsSource(Protocol):
    """A session's media; see `bridge.sfu.MediaSession.stats`."""

    async def stats(self) -> Mapping[str, Any]:
        """`{"publish": TransportStats | None, "subscribe": TransportStats | None}`."""


class QualityObserver(Protocol):
    """Where the samples go; see `Metrics`."""

    def on_received(self, *, jitter: float, lost: float | None) -> None:
        """A sample of a producer."""

    def on_sent(self, *, round_trip: float | None, jitter: float, lost: float) -> None:
        """A sample of a consumer."""


class QualitySampler:
    """Goes round all sessions, a few at a time, until it is stopped."""

    def __init__(
        self,
        sessions: Callable[[], Sequence[StatsSource]],
        observer: QualityObserver,
        *,
        interval: float = INTERVAL,
        per_round: int = SESSIONS_PER_ROUND,
    ) -> None:
        """`sessions()` gives those there are now, in an order that changes little."""
        self._sessions = sessions
        self._observer = observer
        self._interval = interval
        self._per_round = per_round
        self._next = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins; to be called on the event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Ends. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def sample(self) -> None:
        """One round: the next few sessions, one after the other."""
        sessions = self._sessions()
        if self._next >= len(sessions):
            self._next = 0
        chosen = sessions[self._next : self._next + self._per_round]
        self._next += len(chosen)
        for session in chosen:
            try:
                self._observe(await session.stats())
            except BridgeError:
                # It ended while we asked.
                continue

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
            for consumer in transport["consumers"]:
                self._observer.on_sent(
                    round_trip=consumer["round_trip_time"], jitter=consumer["jitter"], lost=consumer["fraction_lost"]
                )
