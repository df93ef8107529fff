"""What a link is asked to be: plain values, as read from a file or the command line.

Units everywhere: bit/s, seconds, bytes, shares of one. Times count from the moment at which the link starts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

UNLIMITED = 10e9
"""Rate of a line of which no rate is asked: a packet of 1,500 bytes takes 1.2 µs."""
DEFAULT_QUEUE_SECONDS = 0.3
"""What RFC 8867, section 4.3, takes for the bottleneck's queue."""
CODEL_TARGET = 0.005
CODEL_INTERVAL = 0.1
"""RFC 8289, sections 4.3 and 4.4."""


@dataclass(frozen=True, slots=True)
class Steps:
    """A rate that changes at given times and keeps its last value; one step is a constant rate."""

    steps: tuple[tuple[float, float], ...] = ((0.0, UNLIMITED),)
    """(time, bit/s), by time; the first at 0."""


@dataclass(frozen=True, slots=True)
class RateTrace:
    """A rate as it was measured, each value until the next."""

    rates: tuple[tuple[float, float], ...]
    """(time, bit/s), by time; the first at 0."""
    duration: float
    repeat: bool = True
    """Whether it begins again at its end; otherwise the last rate stays."""


@dataclass(frozen=True, slots=True)
class OpportunityTrace:
    """The form of Mahimahi: moments at each of which the line takes 1,500 bytes, or less if less is there."""

    times: tuple[float, ...]
    duration: float
    """After which it begins again, as Mahimahi's does."""


Capacity = Steps | RateTrace | OpportunityTrace


@dataclass(frozen=True, slots=True)
class IndependentLoss:
    """Each packet is lost with the same probability, whatever became of the others."""

    share: float = 0.0


@dataclass(frozen=True, slots=True)
class GilbertElliottLoss:
    """Two states, a good and a bad one, and a chance to be lost in each (Gilbert 1960, Elliott 1963; as in netem)."""

    p: float
    """Chance of good to bad, per packet."""
    r: float
    """Chance of bad to good, per packet: bad stretches last 1/r packets on average."""
    bad: float = 1.0
    """Chance to be lost in the bad state (netem's 1-h)."""
    good: float = 0.0
    """Chance to be lost in the good state (netem's 1-k)."""


@dataclass(frozen=True, slots=True)
class FourStateLoss:
    """Netem's Markov model (Salsano et al. 2009, GI model): gaps with single losses, bursts with single receptions.

    States: 1 received in a gap, 2 received in a burst, 3 lost in a burst, 4 lost alone in a gap.
    """

    p13: float
    p31: float = 1.0
    p32: float = 0.0
    p23: float = 1.0
    p14: float = 0.0


Loss = IndependentLoss | GilbertElliottLoss | FourStateLoss


class Distribution(Enum):
    """How the delay spreads around its mean."""

    UNIFORM = "uniform"
    """Evenly within ± spread."""
    NORMAL = "normal"
    """Standard deviation of `spread`, cut off at three of them (RFC 8868, section 4.5)."""
    EXPONENTIAL = "exponential"
    """Never below the delay; `spread` above it on average: a long tail, as of radio links."""


@dataclass(frozen=True, slots=True)
class Jitter:
    """How much the delay varies from packet to packet."""

    spread: float = 0.0
    distribution: Distribution = Distribution.NORMAL
    reorder: bool = False
    """Whether a packet with a small delay may overtake one with a large delay."""


@dataclass(frozen=True, slots=True)
class Reordering:
    """A share of the packets is held back; those behind pass them."""

    share: float = 0.0
    by: float = 0.02
    """How long they are held, beyond the delay of all."""


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for the line. Beyond its limit the newest packet is dropped (drop-tail)."""

    seconds: float | None = DEFAULT_QUEUE_SECONDS
    """Limit as a time at the line's rate: of the step in force, or the mean of a trace. None if in bytes."""
    bytes: int | None = None
    codel: bool = False
    """Whether CoDel (RFC 8289) drops from within, before the limit is reached."""
    target: float = CODEL_TARGET
    interval: float = CODEL_INTERVAL


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which the line sends nothing."""

    at: float
    length: float
    every: float | None = None
    """Period after which it comes again; None for once."""
    drop: bool = False
    """Whether what is handed in meanwhile is lost at once; otherwise it queues, as in a modem without coverage."""


@dataclass(frozen=True, slots=True)
class ConstantTraffic:
    """Packets at even distances by somebody else on the same line."""

    rate: float
    size: int = 1200
    start: float = 0.0
    stop: float = float("inf")


@dataclass(frozen=True, slots=True)
class TcpTraffic:
    """TCP-like flows on the same line: slow start, then additive increase and multiplicative decrease (RFC 5681)."""

    count: int = 1
    rtt: float = 0.05
    """Round trip without the queue."""
    size: int = 1500
    start: float = 0.0
    stop: float = float("inf")
    transfer: tuple[int, int] | None = None
    """Bytes of each transfer, evenly between these two; None for one that never ends."""
    idle: float = 10.0
    """Mean pause between transfers, exponentially distributed (RFC 8867, section 5.7)."""


CrossTraffic = ConstantTraffic | TcpTraffic


@dataclass(frozen=True, slots=True)
class Direction:
    """One direction of a link."""

    capacity: Capacity = field(default_factory=Steps)
    delay: float = 0.0
    jitter: Jitter = field(default_factory=Jitter)
    loss: Loss = field(default_factory=IndependentLoss)
    reordering: Reordering = field(default_factory=Reordering)
    duplicates: float = 0.0
    """Share of the packets that arrive twice."""
    queue: Queue = field(default_factory=Queue)
    outages: tuple[Outage, ...] = ()
    cross_traffic: tuple[CrossTraffic, ...] = ()


@dataclass(frozen=True, slots=True)
class LinkDescription:
    """A link as a participant sees it: `down` is towards it, `up` away from it."""

    down: Direction = field(default_factory=Direction)
    up: Direction = field(default_factory=Direction)
    about: str = ""
