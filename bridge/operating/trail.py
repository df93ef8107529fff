"""What operators do at their door goes into the audit log, into the metrics and among the events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Protocol

from bridge.audit import AuditLog, Entry
from bridge.observability.operator_events import OperatorEvents
from bridge.signaling.rate_limit import RateLimit

REFUSED_PER_SECOND, REFUSED_BURST = 1 / 60, 20
"""Keys that let nobody in, as far as they are written down: who tries for long must not fill the disk."""


class Counting(Protocol):
    """What is used of `bridge.observability.Metrics`."""

    def on_refused(self, door: Enum, code: str) -> None:
        """A request was refused."""


class OperatorTrail:
    """`OperatorObserver` of the operators' door."""

    def __init__(
        self, log: AuditLog, counting: Counting, events: OperatorEvents, *, clock: Callable[[], float]
    ) -> None:
        """`clock`: see `RateLimit`."""
        self._log = log
        self._counting = counting
        self._events = events
        self._refused = RateLimit(REFUSED_PER_SECOND, REFUSED_BURST, clock)

    async def on_signed_in(self, operator: str, details: Mapping[str, str]) -> None:
        """Raises `AuditError`: who looks at calls leaves a trace."""
        await self._log.confirm(Entry("operator_signed_in", actor=f"operator:{operator}", details=details))
        self._events.note("operator_signed_in", details={"by": f"operator:{operator}"})

    def on_signed_out(self, operator: str) -> None:
        """Somebody has signed out."""
        self._log.append(Entry("operator_signed_out", actor=f"operator:{operator}"))

    def on_not_signed_in(self, details: Mapping[str, str]) -> None:
        """Somebody has shown a key that lets nobody in, or came back in vain from a provider."""
        self._events.note("operator_refused", "warning")
        if self._refused.take():
            self._log.append(Entry("operator_refused", details=details))

    def on_refused(self, door: Enum, code: str) -> None:
        """A request was refused."""
        self._counting.on_refused(door, code)
