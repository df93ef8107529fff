"""What line a record was made on: rate, delay, loss, queue and outages over time, as a description for the emulator.

A line's rate shows only while it is full. So where packets waited for one another the rate is what arrived, and where
they did not it is at least what arrived and what the bridge believed in.
"""

from __future__ import annotations

from dataclasses import dataclass

from loadtest.errors import InputError
from loadtest.flight.record import FlightRecord, SentPacket, told_packets

WINDOW = 1.0
"""Seconds over which a rate is taken."""
IP_AND_UDP = 28
"""Bytes of headers that the record leaves out and the emulator counts."""
FULL = 0.03
"""Seconds that packets have to wait longer than the fastest for the line to be full."""
SAME_RATE = 0.1
"""Steps that differ by less than this share are one."""
OUTAGE = 1.0
"""Seconds without an arrival that make an outage, while something was sent."""
MIN_RATE = 1_000.0


@dataclass(frozen=True, slots=True)
class ObservedLine:
    """A line as a record shows it, towards the receiver. Times begin with the record's first packet."""

    rates: list[tuple[float, float]]
    """(time, bit/s)."""
    delay: float
    """One way, in seconds: half of the shortest round trip."""
    loss: float
    """Share lost outside of outages."""
    queue: float
    """The longest that a packet waited, in seconds."""
    outages: list[tuple[float, float]]
    """(begin, length)."""
    duration: float


def observe(record: FlightRecord) -> ObservedLine:
    """What the record shows of its line. Raises `InputError` where the peer told nothing."""
    packets = list(told_packets(record))
    arrived = [packet for packet in packets if packet.arrival is not None]
    if len(arrived) < 2:
        raise InputError(f"{record.name}: the peer told of too few packets to say anything of the line")
    start = packets[0].at
    fastest = min(_transit(packet) for packet in arrived)
    outages = _outages(packets, start)
    inside = [packet for packet in packets if not _is_within(packet.at - start, outages)]
    trips = [second.round_trip for second in record.seconds if second.round_trip is not None]
    trips += [estimate.round_trip for estimate in record.estimates if estimate.round_trip is not None]
    loss = sum(packet.arrival is None for packet in inside) / max(len(inside), 1)
    return ObservedLine(
        # What was lost on the way has used the line as well.
        rates=_rates(record, arrived, start, fastest, 1 - min(loss, 0.9)),
        delay=min(trips, default=0.0) / 2,
        loss=loss,
        queue=max(_transit(packet) for packet in arrived) - fastest,
        outages=outages,
        duration=packets[-1].at - start,
    )


def as_yaml(line: ObservedLine, name: str) -> str:
    """A link for `bridge-loadtest emulate --link` (docs/loadtest.md). The way up is in no record: it has the delay."""
    steps = ", ".join(f"{time:.0f}s: {rate / 1e3:.0f}k" for time, rate in line.rates)
    text = [
        f"about: the line of {name}, {line.duration:.0f} s, as its flight record shows it",
        "down:",
        f"  rate: {{{steps}}}",
        f"  delay: {line.delay * 1e3:.0f}ms",
        f"  queue: {max(line.queue, 0.05) * 1e3:.0f}ms",
    ]
    if line.loss > 0:
        text.append(f"  loss: {line.loss * 100:.2f}%")
    if line.outages:
        text.append("  outages:")
        text += [f"    - {{at: {begin:.1f}s, for: {length:.1f}s}}" for begin, length in line.outages]
    text += ["up:", f"  delay: {line.delay * 1e3:.0f}ms", ""]
    return "\n".join(text)


def _transit(packet: SentPacket) -> float:
    """Time on the way, with the unknown difference of the clocks."""
    assert packet.arrival is not None
    return packet.arrival - packet.at


def _outages(packets: list[SentPacket], start: float) -> list[tuple[float, float]]:
    """Times, by when packets were sent, in which none of several arrived."""
    outages = []
    last: SentPacket | None = None
    lost = 0
    for packet in packets:
        if packet.arrival is None:
            lost += 1
            continue
        if last is not None and lost > 1 and packet.at - last.at >= OUTAGE:
            outages.append((last.at - start, packet.at - last.at))
        last, lost = packet, 0
    return outages


def _is_within(at: float, spans: list[tuple[float, float]]) -> bool:
    return any(begin < at < begin + length for begin, length in spans)


def _rates(
    record: FlightRecord, arrived: list[SentPacket], start: float, fastest: float, share: float
) -> list[tuple[float, float]]:
    windows: dict[int, list[SentPacket]] = {}
    for packet in arrived:
        # By when it arrived, on our clock but for the way.
        windows.setdefault(int((packet.at - start + _transit(packet) - fastest) / WINDOW), []).append(packet)
    believed = [(estimate.at - start, estimate.bitrate) for estimate in record.estimates]
    steps: list[tuple[float, float]] = []
    # The last one is cut off.
    for window, packets in sorted(windows.items())[:-1] or windows.items():
        begin = window * WINDOW
        rate = sum(packet.size + IP_AND_UDP for packet in packets) * 8 / WINDOW / share
        waits = sorted(_transit(packet) - fastest for packet in packets)
        if waits[len(waits) // 2] < FULL:
            rate = max([rate, *(bitrate for at, bitrate in believed if begin <= at < begin + WINDOW)])
            if steps:
                # Not full: there is no sign that it became less.
                rate = max(rate, steps[-1][1])
        rate = max(rate, MIN_RATE)
        if not steps or abs(rate - steps[-1][1]) > steps[-1][1] * SAME_RATE:
            steps.append((begin if steps else 0.0, rate))
    return steps
