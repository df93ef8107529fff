"""One direction of a link, as a pure model: time is an argument, chance comes from a seed, nothing is read or written.

A packet waits in the queue for the line (`queues`, `capacity`), takes its time to be sent, is then lost or not
(`loss`), and arrives after a delay (`delay`). So a packet that is lost on the way has used the line, as on radio.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

from loadtest.emulator.capacity import InterruptedLine, Line, make_line
from loadtest.emulator.cross_traffic import CrossFlow, CrossPacket, make_flows
from loadtest.emulator.delay import DelayProcess
from loadtest.emulator.description import Direction
from loadtest.emulator.loss import make_loss
from loadtest.emulator.queues import Waiting, make_queue
from loadtest.emulator.statistics import Cause, Statistics

P = TypeVar("P")

ON_THE_WAY_LIMIT = 50_000
"""Packets between queue and receiver; beyond it they are lost and counted: the emulator's memory is bounded."""
_CATCH_UP = 0.1
"""Cross traffic is worked off at least this often, in seconds, so that no packet waits for a long past of it."""


class Delivery(NamedTuple, Generic[P]):
    """A packet that arrives, and when."""

    at: float
    packet: P


class LinkModel(Generic[P]):
    """Give it packets by `send`, take them by `poll` when `next_time` has come.

    Times are in seconds on whatever clock the caller has; they must not go back. `start` is when the link's own time
    begins, from which steps, traces, outages and cross traffic count.
    """

    def __init__(
        self,
        direction: Direction,
        *,
        seed: str | int,
        start: float = 0.0,
        lost: Callable[[float, P], None] | None = None,
    ) -> None:
        """`lost(time, packet)` is told of every packet that will not arrive, whatever the reason."""
        self.statistics = Statistics()
        self._start = start
        self._lost = lost
        self._description = direction
        self._line: Line = make_line(direction.capacity)
        self._outages: InterruptedLine | None = None
        if direction.outages:
            self._line = self._outages = InterruptedLine(self._line, direction.outages)
        # Each process has its own chance, so that a change to one leaves the others as they were.
        self._loss = make_loss(direction.loss, random.Random(f"{seed}/loss"))
        self._delay = DelayProcess(
            direction.delay, direction.jitter, direction.reordering, random.Random(f"{seed}/delay")
        )
        self._duplicates = random.Random(f"{seed}/duplicates")
        self._queue = make_queue(direction.queue, self._dropped_by_codel)
        self._flows: list[CrossFlow] = [
            flow
            for index, traffic in enumerate(direction.cross_traffic)
            for flow in make_flows(traffic, random.Random(f"{seed}/cross/{index}"))
        ]
        self._now = 0.0
        self._taken = 0.0
        """Bits up to which the line is taken."""
        self._free_at = 0.0
        """When the line has sent what it was given."""
        self._on_the_way: list[tuple[float, int, int, P]] = []
        self._count = 0

    def send(self, now: float, size: int, packet: P) -> None:
        """Hands in a packet of `size` bytes as counted on the line, with IP and transport headers."""
        now -= self._start
        self._advance(now)
        self.statistics.sent += 1
        self.statistics.sent_bytes += size
        self._enqueue(now, size, packet)

    def poll(self, now: float) -> Iterator[Delivery[P]]:
        """What has arrived by `now`, in the order of arrival."""
        self._advance(now - self._start)
        while self._on_the_way and self._on_the_way[0][0] <= now - self._start:
            at, _, size, packet = heapq.heappop(self._on_the_way)
            self.statistics.delivered += 1
            self.statistics.delivered_bytes += size
            yield Delivery(at + self._start, packet)

    def offered(self, now: float) -> float:
        """Bits that the line could have sent since its start."""
        return self._line.offered(max(0.0, now - self._start))

    def next_time(self) -> float | None:
        """When to poll next; None while there is nothing to wait for. `send` may bring it forward."""
        times = []
        if self._on_the_way:
            times.append(self._on_the_way[0][0])
        if len(self._queue):
            times.append(self._free_at + self._delay.least)
        if min((flow.next_time() for flow in self._flows), default=math.inf) < math.inf:
            times.append(self._now + _CATCH_UP)
        earliest = min(times, default=math.inf)
        return None if math.isinf(earliest) else earliest + self._start

    def _advance(self, now: float) -> None:
        """Does what happens up to `now`, each thing at its own time."""
        while True:
            sending = self._free_at if len(self._queue) else math.inf
            flow = min(self._flows, key=lambda flow: flow.next_time(), default=None)
            crossing = math.inf if flow is None else flow.next_time()
            time = min(sending, crossing)
            if time > now or math.isinf(time):
                break
            if flow is not None and crossing <= sending:
                other = flow.take(crossing)
                if other is not None:
                    self.statistics.cross_sent += 1
                    self._enqueue(crossing, other.size, other)
            else:
                self._send_next(sending)
        self._now = max(self._now, now)

    def _enqueue(self, now: float, size: int, packet: P | CrossPacket) -> None:
        if self._outages is not None and self._outages.is_out(now, dropping=True):
            self._gone(now, packet, Cause.OUTAGE)
            return
        if not self._queue.enqueue(Waiting(packet, size, now), self._queue_limit(now)):
            self._gone(now, packet, Cause.QUEUE)
            return
        if self._free_at <= now:
            self._send_next(now)

    def _queue_limit(self, now: float) -> float:
        """Bytes that may wait."""
        queue = self._description.queue
        if queue.bytes is not None:
            return queue.bytes
        return math.inf if queue.seconds is None else queue.seconds * self._line.nominal_rate(now) / 8

    def _send_next(self, now: float) -> None:
        """The line is free at `now`: the next packet goes out and its fate is settled."""
        entry = self._queue.dequeue(now)
        if entry is None:
            return
        if now > self._free_at:
            # The line was idle: what it could have sent meanwhile is gone.
            self._taken = max(self._taken, self._line.offered(now))
        self._taken += entry.size * 8
        departure = self._free_at = self._line.reached(self._taken)
        packet = entry.packet
        if isinstance(packet, CrossPacket):
            if self._loss.loses():
                packet.flow.lost(departure, packet.number)
            else:
                self.statistics.cross_delivered_bytes += packet.size
                packet.flow.delivered(departure, packet.number)
            return
        self.statistics.queueing.add(now - entry.since)
        if self._loss.loses():
            self._gone(departure, packet, Cause.LOSS)
            return
        arrival = self._delay.arrival(departure)
        self._deliver(arrival, departure, entry.size, packet)
        if self._description.duplicates > 0 and self._duplicates.random() < self._description.duplicates:
            self.statistics.duplicated += 1
            self._deliver(arrival, departure, entry.size, packet)

    def _deliver(self, arrival: float, departure: float, size: int, packet: P) -> None:
        if len(self._on_the_way) >= ON_THE_WAY_LIMIT:
            self._gone(departure, packet, Cause.LIMIT)
            return
        self._count += 1
        heapq.heappush(self._on_the_way, (arrival, self._count, size, packet))

    def _dropped_by_codel(self, now: float, entry: Waiting[P | CrossPacket]) -> None:
        self._gone(now, entry.packet, Cause.CODEL)

    def _gone(self, time: float, packet: P | CrossPacket, cause: Cause) -> None:
        if isinstance(packet, CrossPacket):
            # The sender learns of it when the packets behind it arrive, which is after those that wait now.
            packet.flow.lost(max(time, self._free_at), packet.number)
            return
        self.statistics.lost[cause] += 1
        if self._lost is not None:
            self._lost(time + self._start, packet)
