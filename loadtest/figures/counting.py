"""Counters of streams over a time: what came to them between samples, also where a stream began anew meanwhile."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from loadtest.figures.presence import Span
from loadtest.participants.samples import Sample, StreamCounters, StreamKey

_ADDITIVE = tuple(
    field.name
    for field in fields(StreamCounters)
    if field.name not in ("width", "height", "target_bitrate", "active", "limited_by")
)


@dataclass(frozen=True, slots=True)
class Increment:
    """What came to a stream's counters between two samples."""

    key: StreamKey
    begin: float
    end: float
    values: dict[str, float]
    after: StreamCounters

    def __getitem__(self, name: str) -> float:
        return self.values[name]


def increments(samples: Sequence[Sample], span: Span) -> Iterator[Increment]:
    """Of all streams, between each two samples of which the later lies within the time."""
    for before, after in itertools.pairwise(samples):
        if not span.begin <= after.at <= span.end + 0.5 or before.at < span.begin - 0.5:
            continue
        for key, counters in after.streams.items():
            earlier = before.streams.get(key, StreamCounters())
            if counters.packets < earlier.packets:
                # A new connection: it counts from nothing.
                earlier = StreamCounters()
            values = {name: getattr(counters, name) - getattr(earlier, name) for name in _ADDITIVE}
            yield Increment(key, before.at, after.at, values, counters)


def total(parts: Sequence[Increment], name: str) -> float:
    """The sum of one counter."""
    return sum(part[name] for part in parts)


def by_stream(parts: Iterator[Increment]) -> dict[StreamKey, list[Increment]]:
    """The same, stream by stream."""
    streams: dict[StreamKey, list[Increment]] = {}
    for part in parts:
        streams.setdefault(part.key, []).append(part)
    return streams
