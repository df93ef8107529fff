"""What waits for the line, and who has to give way: drop-tail, and CoDel (RFC 8289)."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from loadtest.emulator.description import Queue

P = TypeVar("P")
PACKETS_LIMIT = 10_000
"""No queue holds more packets than this, whatever its limit in bytes: the emulator's memory is bounded."""
_MTU = 1500
"""CoDel lets at least one full packet stand (RFC 8289, section 5.3)."""


@dataclass(slots=True)
class Waiting(Generic[P]):
    """A packet in the queue."""

    packet: P
    size: int
    since: float


class PacketQueue(Protocol[P]):
    """First in, first out."""

    def __len__(self) -> int:
        """How many packets wait."""

    def enqueue(self, entry: Waiting[P], limit: float) -> bool:
        """Takes a packet unless more than `limit` bytes would wait; a packet always finds room where none waits."""

    def dequeue(self, now: float) -> Waiting[P] | None:
        """The packet that goes out now; None when none is left."""


class DropTailQueue(Generic[P]):
    """Refuses the newest."""

    def __init__(self) -> None:
        self._entries: deque[Waiting[P]] = deque()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def enqueue(self, entry: Waiting[P], limit: float) -> bool:
        """See `PacketQueue`."""
        if self._entries and (self.bytes + entry.size > limit or len(self._entries) >= PACKETS_LIMIT):
            return False
        self._entries.append(entry)
        self.bytes += entry.size
        return True

    def dequeue(self, now: float) -> Waiting[P] | None:
        """See `PacketQueue`."""
        del now
        if not self._entries:
            return None
        entry = self._entries.popleft()
        self.bytes -= entry.size
        return entry


class CodelQueue(Generic[P]):
    """Drops from the head while packets have waited longer than the target for an interval (RFC 8289, section 5)."""

    def __init__(self, target: float, interval: float, dropped: Callable[[float, Waiting[P]], None]) -> None:
        self._fifo: DropTailQueue[P] = DropTailQueue()
        self._target = target
        self._interval = interval
        self._dropped = dropped
        self._first_above_time = 0.0
        self._drop_next = 0.0
        self._count = 0
        self._last_count = 0
        self._dropping = False

    def __len__(self) -> int:
        return len(self._fifo)

    def enqueue(self, entry: Waiting[P], limit: float) -> bool:
        """See `PacketQueue`."""
        return self._fifo.enqueue(entry, limit)

    def dequeue(self, now: float) -> Waiting[P] | None:
        """See `PacketQueue`; packets that CoDel drops are told to `dropped`."""
        entry, ok_to_drop = self._do_dequeue(now)
        if self._dropping:
            if not ok_to_drop:
                self._dropping = False
            while self._dropping and now >= self._drop_next and entry is not None:
                self._dropped(now, entry)
                self._count += 1
                entry, ok_to_drop = self._do_dequeue(now)
                if not ok_to_drop:
                    self._dropping = False
                else:
                    self._drop_next = self._control_law(self._drop_next)
        elif ok_to_drop and entry is not None:
            self._dropped(now, entry)
            entry, _ = self._do_dequeue(now)
            self._dropping = True
            # After a short break it goes on at the rate that controlled the queue last time (section 5.4).
            delta = self._count - self._last_count
            recently = now - self._drop_next < 16 * self._interval
            self._count = delta if delta > 1 and recently else 1
            self._drop_next = self._control_law(now)
            self._last_count = self._count
        return entry

    def _do_dequeue(self, now: float) -> tuple[Waiting[P] | None, bool]:
        entry = self._fifo.dequeue(now)
        if entry is None:
            self._first_above_time = 0.0
            return None, False
        if now - entry.since < self._target or self._fifo.bytes <= _MTU:
            self._first_above_time = 0.0
            return entry, False
        if self._first_above_time == 0.0:
            self._first_above_time = now + self._interval
            return entry, False
        return entry, now >= self._first_above_time

    def _control_law(self, time: float) -> float:
        return time + self._interval / math.sqrt(self._count)


def make_queue(queue: Queue, dropped: Callable[[float, Waiting[P]], None]) -> PacketQueue[P]:
    """The queue of a description; `dropped(time, entry)` is told what it drops from within."""
    return CodelQueue(queue.target, queue.interval, dropped) if queue.codel else DropTailQueue()
