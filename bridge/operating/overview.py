"""What the operators' page shows of this bridge at a moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from bridge.observability.load_history import LoadHistory
from bridge.observability.operator_events import OperatorEvents
from bridge.operating.head_count import HeadCount
from bridge.operating.rooms import MAX_SHOWN, RoomList
from bridge.room import Rooms
from bridge.sfu import WorkerReport

_COUNTED = ("transports", "producers", "consumers", "tcp_connections", "kernel_drops", "send_failures")


class LegBudget(Protocol):
    """What is read of `bridge.transcode.supervisor.LegSupervisor`."""

    started: int
    restarts: int
    failures: int
    refused: int

    @property
    def running(self) -> int:
        """Legs that have a place."""


@dataclass(frozen=True, slots=True)
class Node:
    """One bridge process."""

    name: str
    """Of its machine."""
    version: str
    started_at: float
    """Seconds since the epoch."""


class Overview:
    """Reads what is known anyway; waits for nothing."""

    def __init__(
        self,
        node: Node,
        rooms: Rooms,
        head_count: HeadCount,
        room_list: RoomList,
        history: LoadHistory,
        events: OperatorEvents,
        legs: LegBudget,
        *,
        max_legs: int,
        workers: Callable[[], list[WorkerReport]],
        ready: Callable[[], Mapping[str, bool]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._node = node
        self._rooms = rooms
        self._head_count = head_count
        self._room_list = room_list
        self._history = history
        self._events = events
        self._legs = legs
        self._max_legs = max_legs
        self._workers = workers
        self._ready = ready
        self._clock = clock

    def describe(self, *, revision: int, sampled: float, find: str) -> dict[str, Any]:
        """Everything, as the page gets it.

        `revision`, `sampled`: of events and of load, what the page has already; it is told the rest. `find`: a part of
        a room's id.
        """
        found, rooms = self._room_list.newest(find)
        reached, events = self._events.since(revision)
        return {
            "now": self._clock(),
            "nodes": [self._described_node()],
            "workers": self._described_workers(),
            "rooms": {"found": found, "shown": rooms},
            "legs": {
                "running": self._legs.running,
                "max": self._max_legs,
                "started": self._legs.started,
                "restarts": self._legs.restarts,
                "failures": self._legs.failures,
                "refused": self._legs.refused,
                "shown": list(islice(self._room_list.legs(), MAX_SHOWN)) if self._legs.running else [],
            },
            "load": self._history.since(sampled),
            "events": {"revision": reached, "new": events},
        }

    def _described_node(self) -> dict[str, Any]:
        return {
            "name": self._node.name,
            "version": self._node.version,
            "started_at": self._node.started_at,
            "draining": self._rooms.intake.draining,
            "checks": dict(self._ready()),
            "rooms": len(self._rooms.room_ids()),
            "participants": self._head_count.people(),
            "test_legs": self._head_count.test_legs(),
            "waiting": self._rooms.waiting_count(),
        }

    def _described_workers(self) -> list[dict[str, Any]]:
        loads = self._history.workers()
        described = []
        for worker in self._workers():
            load = loads.get(worker.index)
            described.append(
                {
                    "index": worker.index,
                    "load": None if load is None else load.as_dict(),
                    **{name: worker.stats[name] for name in _COUNTED},  # type: ignore[literal-required]
                    "errors": sum(worker.stats["errors"].values()),
                }
            )
        return described
