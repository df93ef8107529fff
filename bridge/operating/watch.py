"""Makes events for operators of what happens to rooms, workers and legs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from bridge.observability.operator_events import OperatorEvents
from bridge.room import EndReason, RoomClosed, RoomEvent, RoomOpened, SessionEnded

if TYPE_CHECKING:
    from bridge._core import WorkerStats

_LOST = (EndReason.MEDIA_LOST, EndReason.TIMED_OUT)


class LegCounts(Protocol):
    """What is read of `bridge.transcode.supervisor.LegSupervisor`."""

    restarts: int
    failures: int
    refused: int


class Watch:
    """A room listener that also looks at the workers' and legs' counters with each sample of the load."""

    def __init__(
        self, events: OperatorEvents, legs: LegCounts, workers: int, *, clock: Callable[[], float] = time.time
    ) -> None:
        """`workers` is how many there should be."""
        self.opened_at: dict[str, float] = {}
        """When each room was opened, by its id, in seconds since the epoch."""
        self._events = events
        self._legs = legs
        self._expected = workers
        self._clock = clock
        self._seen: dict[str, int] = {}

    def __call__(self, event: RoomEvent) -> None:
        """Follows rooms."""
        match event:
            case RoomOpened(room_id=room):
                self.opened_at[room] = self._clock()
                self._events.note("room_opened", room=room)
            case RoomClosed(room_id=room, reason=reason):
                self.opened_at.pop(room, None)
                self._events.note("room_closed", room=room, details={"reason": reason.value})
            case SessionEnded(room_id=room, reason=reason) if reason in _LOST:
                self._events.note("session_lost", "warning", room=room, details={"reason": reason.value})
            case _:
                pass

    def on_sampled(self, stats: Mapping[int, WorkerStats]) -> None:
        """Notes what has grown that should not."""
        missing = self._expected - len(stats)
        if missing != self._seen.get("workers_missing", 0):
            self._seen["workers_missing"] = missing
            if missing:
                self._events.note("workers_missing", "error", details={"missing": missing, "of": self._expected})
            else:
                self._events.note("workers_complete", details={"workers": self._expected})
        self._compare("leg_restarted", "warning", self._legs.restarts)
        self._compare("leg_given_up", "error", self._legs.failures)
        self._compare("leg_refused", "warning", self._legs.refused)
        for index, each in stats.items():
            self._compare("kernel_drops", "warning", each["kernel_drops"], worker=index)
            self._compare("events_dropped", "error", each["events_dropped"], worker=index)

    def _compare(self, kind: str, severity: str, count: int, **details: int) -> None:
        key = f"{kind} {details}"
        before = self._seen.get(key, 0)
        self._seen[key] = count
        if count > before:
            self._events.note(kind, severity, times=count - before, details=details)
