"""Others on the same line: packets that wait in the same queue and are then forgotten."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from loadtest.emulator.aimd import AimdWindow
from loadtest.emulator.description import ConstantTraffic, CrossTraffic, TcpTraffic


@dataclass(frozen=True, slots=True)
class CrossPacket:
    """A packet of somebody else. `flow` is told what became of it."""

    flow: CrossFlow
    number: int
    size: int


class CrossFlow(Protocol):
    """One flow; times in seconds from the link's start."""

    def next_time(self) -> float:
        """When `take` has something to do; infinite when nothing is to come before a packet's fate is told."""

    def take(self, now: float) -> CrossPacket | None:
        """The next packet that is due by `now`; None when there is no more."""

    def delivered(self, at: float, number: int) -> None:
        """A packet leaves the line at `at`."""

    def lost(self, at: float, number: int) -> None:
        """A packet is dropped or lost at `at`."""


class ConstantFlow:
    """Packets at even distances; begins at a random phase, so that several do not march in step."""

    def __init__(self, traffic: ConstantTraffic, rng: random.Random) -> None:
        self._size = traffic.size
        self._distance = traffic.size * 8 / traffic.rate
        self._stop = traffic.stop
        self._next = traffic.start + rng.random() * self._distance
        self._number = 0

    def next_time(self) -> float:
        """See `CrossFlow`."""
        return self._next if self._next < self._stop else math.inf

    def take(self, now: float) -> CrossPacket | None:
        """See `CrossFlow`."""
        if self.next_time() > now:
            return None
        self._next += self._distance
        self._number += 1
        return CrossPacket(self, self._number, self._size)

    def delivered(self, at: float, number: int) -> None:
        """Nobody waits for it."""

    def lost(self, at: float, number: int) -> None:
        """Nobody misses it."""


class TcpFlow:
    """A TCP-like flow: an endless one, or transfers with pauses between.

    What became of a packet is known to the sender a round trip after it left the line. Its acknowledgements are not
    charged to the other direction.
    """

    def __init__(self, traffic: TcpTraffic, rng: random.Random) -> None:
        self._traffic = traffic
        self._rng = rng
        self._notices: list[tuple[float, int, bool]] = []
        """(time, packet's number, whether it arrived), a heap."""
        self._window = AimdWindow()
        self._left = self._transfer_size()
        self._earliest = traffic.start
        """When the next packet may go, if the window lets it."""

    @property
    def window(self) -> float:
        """Packets that may be on their way."""
        return self._window.window

    def next_time(self) -> float:
        """See `CrossFlow`."""
        sending = self._earliest if self._may_send() and self._earliest < self._traffic.stop else math.inf
        return min(sending, self._notices[0][0] if self._notices else math.inf)

    def take(self, now: float) -> CrossPacket | None:
        """See `CrossFlow`."""
        while self._notices and self._notices[0][0] <= now:
            self._learn(*heapq.heappop(self._notices))
        if not self._may_send() or self._earliest > now or now >= self._traffic.stop:
            return None
        size = int(min(self._traffic.size, self._left))
        self._left -= size
        return CrossPacket(self, self._window.sent(), size)

    def delivered(self, at: float, number: int) -> None:
        """See `CrossFlow`."""
        heapq.heappush(self._notices, (at + self._traffic.rtt, number, True))

    def lost(self, at: float, number: int) -> None:
        """See `CrossFlow`; what is lost is sent again."""
        heapq.heappush(self._notices, (at + self._traffic.rtt, number, False))

    def _may_send(self) -> bool:
        return self._left > 0 and self._window.may_send()

    def _learn(self, time: float, number: int, arrived: bool) -> None:
        if arrived:
            self._window.acknowledged()
        else:
            self._window.lost(number)
            self._left += self._traffic.size
        if self._left <= 0 and self._window.in_flight == 0:
            # The transfer is complete; the next one is a new connection.
            self._window = AimdWindow()
            self._left = self._transfer_size()
            self._earliest = time + self._rng.expovariate(1 / self._traffic.idle)

    def _transfer_size(self) -> float:
        return math.inf if self._traffic.transfer is None else self._rng.randint(*self._traffic.transfer)


def make_flows(traffic: CrossTraffic, rng: random.Random) -> Iterator[CrossFlow]:
    """The flows of a description."""
    match traffic:
        case ConstantTraffic():
            yield ConstantFlow(traffic, rng)
        case TcpTraffic():
            for _ in range(traffic.count):
                yield TcpFlow(traffic, rng)
