"""Reading flight records: the format of `docs/flight-record.md`, as one file or many in an archive.

Times are seconds since the worker's start, rates bit/s, sizes bytes.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from loadtest.errors import InputError, Place

MAGIC = b"BRFLIGHT"
VERSION = 1
TICK = 100e-6
"""Seconds of a tick, in which times of entries are told."""
ARRIVAL_TICK = 250e-6
"""Seconds of a tick of the peer's clock."""
MAX_RECORD_BYTES = 1 << 20
"""Four times what a bridge writes."""
_HEAD = struct.Struct("<8sHHQQII")
_SUMMARY = struct.Struct("<6I8H")
_BLOCK = struct.Struct("<QQI")
_UNKNOWN = 0xFFFF
_SENT, _SENT_IN_PROBE, _FEEDBACK, _REMB, _REPORT, _DEMAND, _ESTIMATE, _LAYERS = range(8)
SOURCES = ("start", "transport_feedback", "congestion_feedback", "remb", "receiver_reports")


@dataclass(frozen=True, slots=True)
class Second:
    """What one second looked like."""

    at: float
    estimate: int
    allocated: int
    desired: int
    bytes: int
    probe_bytes: int
    packets: int
    retransmissions: int
    dropped: int
    loss: float
    round_trip: float | None
    queue_delay: float | None
    pacer_queue: float


@dataclass(slots=True)
class SentPacket:
    """A packet that left, and what became of it."""

    at: float
    size: int
    probe: int | None
    arrival: float | None = None
    """On the peer's clock, whose zero is anywhere. None where it is not told to have arrived."""
    told: bool = False
    """Whether the peer told of it at all."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What was concluded, and told to the control plane."""

    at: float
    bitrate: int
    source: str
    round_trip: float | None
    lost: float
    queue_delay: float | None


@dataclass(frozen=True, slots=True)
class Layers:
    """What is sent of a consumer from here on; None for nothing."""

    at: float
    consumer_id: int
    layers: tuple[int, int] | None


@dataclass(slots=True)
class FlightRecord:
    """What one transport did."""

    name: str
    unix_time: float
    """Seconds since 1970 at the times' zero."""
    taken: float
    seconds: list[Second] = field(default_factory=list)
    packets: dict[int, SentPacket] = field(default_factory=dict)
    """By number, counted from the transport's first."""
    estimates: list[Estimate] = field(default_factory=list)
    demands: list[tuple[float, int, int]] = field(default_factory=list)
    """(time, allocated, desired)."""
    layers: list[Layers] = field(default_factory=list)


def read_files(path: Path) -> list[tuple[str, bytes]]:
    """The records of a file: itself, or all of an archive that `bridge rooms report` wrote. Raises `InputError`."""
    try:
        if not zipfile.is_zipfile(path):
            with path.open("rb") as file:
                return [(path.name, file.read(MAX_RECORD_BYTES + 1))]
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".flight")]
            if not members:
                raise InputError("no flight record is in the archive", Place(str(path)))
            for info in members:
                if info.file_size > MAX_RECORD_BYTES:
                    raise InputError(f"{info.filename} is larger than a flight record can be", Place(str(path)))
            return [(info.filename, archive.read(info)) for info in members]
    except (OSError, zipfile.BadZipFile) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise InputError(f"cannot be read: {reason or error}", Place(str(path))) from error


def read_records(path: Path) -> list[FlightRecord]:
    """The records of a file, read. Raises `InputError`."""
    return [parse(name, data, Place(str(path))) for name, data in read_files(path)]


def parse(name: str, data: bytes, place: Place) -> FlightRecord:
    """Reads one record. Raises `InputError`."""
    if data[: len(MAGIC)] != MAGIC:
        raise InputError(f"{name} is no flight record: it does not begin with {MAGIC.decode()}", place)
    try:
        _, version, summary_len, unix_ms, taken_ms, summaries, blocks = _HEAD.unpack_from(data)
        if version != VERSION:
            raise InputError(f"{name} is of version {version}, and version {VERSION} is understood", place)
        if summary_len < _SUMMARY.size:
            raise ValueError(f"summaries of {summary_len} bytes")
        record = FlightRecord(name, unix_ms / 1e3, taken_ms / 1e3)
        at = _HEAD.size
        if summaries * summary_len > len(data):
            raise ValueError("more summaries than bytes")
        for _ in range(summaries):
            record.seconds.append(_second(_SUMMARY.unpack_from(data, at)))
            at += summary_len
        for _ in range(blocks):
            start, sent, length = _BLOCK.unpack_from(data, at)
            at += _BLOCK.size
            if at + length > len(data):
                raise ValueError("a block ends too soon")
            _read_block(record, start, sent, data[at : at + length])
            at += length
    except (struct.error, ValueError, IndexError) as error:
        raise InputError(f"{name} is cut off or damaged: {error}", place) from error
    return record


def _second(values: tuple[int, ...]) -> Second:
    at, estimate, allocated, desired, size, probe, packets, again, dropped, loss, trip, queue, pacer, _ = values

    def known(value: int) -> float | None:
        return None if value == _UNKNOWN else value / 1e3

    rates = (estimate, allocated, desired)
    return Second(
        at / 1e3, *rates, size, probe, packets, again, dropped, loss / 1e4, known(trip), known(queue), pacer / 1e3
    )


class _Numbers:
    """LEB128 numbers, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self) -> int:
        value = shift = 0
        while True:
            if shift > 63:
                raise ValueError("a number is too long")
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def signed(self) -> int:
        value = self.take()
        return (value >> 1) ^ -(value & 1)

    def millis(self) -> float | None:
        value = self.take()
        return None if value == 0 else (value - 1) / 1e3


def _read_block(record: FlightRecord, ticks: int, sent: int, data: bytes) -> None:
    numbers = _Numbers(data)
    while numbers:
        head = numbers.take()
        ticks += head >> 3
        now = ticks * TICK
        match head & 7:
            case 0 | 1 as kind:
                size = numbers.take()
                record.packets[sent] = SentPacket(now, size, numbers.take() if kind == _SENT_IN_PROBE else None)
                sent += 1
            case 2:
                _read_feedback(record, numbers, sent)
            case 3:
                numbers.take()
            case 4:
                for _ in range(3):
                    numbers.take()
            case 5:
                record.demands.append((now, numbers.take(), numbers.take()))
            case 6:
                bitrate, source = numbers.take(), numbers.take()
                trip, lost, queue = numbers.millis(), numbers.take() / 1e4, numbers.millis()
                record.estimates.append(Estimate(now, bitrate, SOURCES[source], trip, lost, queue))
            case _:
                consumer, spatial, temporal = numbers.take(), numbers.take(), numbers.take()
                layers = (spatial - 1, temporal - 1) if spatial else None
                record.layers.append(Layers(now, consumer, layers))


def _read_feedback(record: FlightRecord, numbers: _Numbers, sent: int) -> None:
    base, statuses, _, arrivals = numbers.take(), numbers.take(), numbers.take(), numbers.take()
    # The number nearest to what was sent last: the peer tells 16 bits of it.
    first = sent - 1 + ((base - (sent - 1) + 0x8000) & 0xFFFF) - 0x8000
    for number in range(first, first + statuses):
        packet = record.packets.get(number)
        if packet is not None:
            packet.told = True
    number, ticks = first, 0
    for _ in range(arrivals):
        number += numbers.take()
        ticks += numbers.signed()
        packet = record.packets.get(number)
        if packet is not None:
            packet.arrival = ticks * ARRIVAL_TICK
        number += 1


def told_packets(record: FlightRecord) -> Iterator[SentPacket]:
    """The packets that the peer told of, in the order in which they left."""
    return (packet for _, packet in sorted(record.packets.items()) if packet.told)
