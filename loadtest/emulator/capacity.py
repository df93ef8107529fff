"""How much a line can send by when.

A line is a growing count of bits offered since its start, and the inverse of it: when a given count is reached. A
server that works off a queue then needs only one number, the count up to which the line is taken. What is offered while
the queue is empty is lost, as on a real line.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Protocol

from loadtest.emulator.description import Capacity, OpportunityTrace, Outage, RateTrace, Steps

OPPORTUNITY_BITS = 1500 * 8
"""What a line in the form of Mahimahi takes at each opportunity."""


class Line(Protocol):
    """A line's capacity over time; times in seconds from its start."""

    def offered(self, time: float) -> float:
        """Bits that it could have sent before `time`."""

    def reached(self, bits: float) -> float:
        """The first time by which it could have sent `bits`; infinite if it never can."""

    def nominal_rate(self, time: float) -> float:
        """Bit/s by which a queue that is given in time is sized."""


class SteppedLine:
    """A rate that is constant between given times; the last one stays."""

    def __init__(self, steps: Sequence[tuple[float, float]]) -> None:
        self._times = [time for time, _ in steps]
        self._rates = [rate for _, rate in steps]
        lengths = [end - begin for begin, end in zip(self._times, self._times[1:], strict=False)]
        self._offered = [0.0, *accumulate(rate * length for rate, length in zip(self._rates, lengths, strict=False))]

    def offered(self, time: float) -> float:
        """See `Line`."""
        step = bisect_right(self._times, time) - 1
        return self._offered[step] + self._rates[step] * (time - self._times[step])

    def reached(self, bits: float) -> float:
        """See `Line`."""
        # The last step that begins with fewer bits than these; steps of no rate begin with as many as their successor.
        step = max(0, bisect_left(self._offered, bits) - 1)
        if bits <= 0:
            return 0.0
        return self._times[step] + (bits - self._offered[step]) / self._rates[step] if self._rates[step] else math.inf

    def nominal_rate(self, time: float) -> float:
        """The rate in force, or the last that there was where there is none now."""
        step = bisect_right(self._times, time) - 1
        while step > 0 and self._rates[step] == 0:
            step -= 1
        return self._rates[step]


class RepeatedLine:
    """A line whose course begins again after `period` seconds, in which it offers `bits` (more than none)."""

    def __init__(self, once: Line, period: float, bits: float) -> None:
        self._once = once
        self._period = period
        self._bits = bits

    def offered(self, time: float) -> float:
        """See `Line`."""
        rounds, rest = divmod(time, self._period)
        return rounds * self._bits + self._once.offered(rest)

    def reached(self, bits: float) -> float:
        """See `Line`."""
        if bits <= 0:
            return 0.0
        # A round's last bit belongs to that round, not to the start of the next.
        rounds = math.ceil(bits / self._bits) - 1
        return rounds * self._period + min(self._once.reached(bits - rounds * self._bits), self._period)

    def nominal_rate(self, time: float) -> float:
        """The mean of a round: a modem's buffer does not shrink as the signal fades."""
        del time
        return self._bits / self._period


class OpportunityLine:
    """Moments at which up to 1,500 bytes go out at once, several small packets or a part of a large one."""

    def __init__(self, times: Sequence[float]) -> None:
        self._times = list(times)

    def offered(self, time: float) -> float:
        """See `Line`."""
        return float(bisect_left(self._times, time) * OPPORTUNITY_BITS)

    def reached(self, bits: float) -> float:
        """See `Line`."""
        index = math.ceil(bits / OPPORTUNITY_BITS) - 1
        return self._times[max(0, index)] if index < len(self._times) else math.inf

    def nominal_rate(self, time: float) -> float:
        """The mean of all."""
        del time
        return len(self._times) * OPPORTUNITY_BITS / self._times[-1] if self._times[-1] else math.inf


class InterruptedLine:
    """A line with outages: what it could have sent within them is not offered."""

    def __init__(self, line: Line, outages: Sequence[Outage]) -> None:
        self._line = line
        self._outages = outages
        self._starts: list[float] = []
        self._ends: list[float] = []
        self._before: list[float] = []
        """Bits that this line offers before each outage."""
        self._missed = [0.0]
        """Bits missed in all outages before each."""
        self._known_until = 0.0
        self._look_ahead(1.0)

    def offered(self, time: float) -> float:
        """See `Line`."""
        self._look_ahead(time)
        index = bisect_left(self._starts, time)
        if index > 0 and time < self._ends[index - 1]:
            return self._before[index - 1]
        return self._line.offered(time) - self._missed[index]

    def reached(self, bits: float) -> float:
        """See `Line`."""
        while True:
            time = self._line.reached(bits + self._missed[bisect_left(self._before, bits)])
            if time <= self._known_until or math.isinf(time):
                return time
            self._look_ahead(time)

    def nominal_rate(self, time: float) -> float:
        """That of the line without outages: the queue is as long as ever, so it holds what it can."""
        return self._line.nominal_rate(time)

    def is_out(self, time: float, *, dropping: bool) -> bool:
        """Whether an outage runs at `time`, of the kind that drops (or does not)."""
        return any(
            outage.drop == dropping
            and time >= outage.at
            and (time - outage.at) % (outage.every or math.inf) < outage.length
            for outage in self._outages
        )

    def _look_ahead(self, time: float) -> None:
        """Lists the outages up to twice the time that is asked for: so the list is seldom made."""
        if time <= self._known_until or math.isinf(time):
            return
        horizon = 2 * time
        windows = sorted(
            (begin, begin + outage.length) for outage in self._outages for begin in _beginnings(outage, horizon)
        )
        self._starts, self._ends, self._before, self._missed = [], [], [], [0.0]
        for begin, end in windows:
            if self._ends and begin <= self._ends[-1]:
                begin = self._ends[-1]
                if end <= begin:
                    continue
            self._starts.append(begin)
            self._ends.append(end)
            self._before.append(self._line.offered(begin) - self._missed[-1])
            self._missed.append(self._missed[-1] + self._line.offered(end) - self._line.offered(begin))
        self._known_until = horizon


def make_line(capacity: Capacity) -> Line:
    """The line of a description, without its outages."""
    match capacity:
        case Steps():
            return SteppedLine(capacity.steps)
        case RateTrace(repeat=False):
            return SteppedLine(capacity.rates)
        case RateTrace():
            stepped = SteppedLine(capacity.rates)
            return RepeatedLine(stepped, capacity.duration, stepped.offered(capacity.duration))
        case OpportunityTrace():
            bits = float(len(capacity.times) * OPPORTUNITY_BITS)
            return RepeatedLine(OpportunityLine(capacity.times), capacity.duration, bits)


def _beginnings(outage: Outage, horizon: float) -> list[float]:
    if outage.every is None:
        return [outage.at]
    return [outage.at + n * outage.every for n in range(max(1, math.ceil((horizon - outage.at) / outage.every)))]
