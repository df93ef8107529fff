"""What is measured of a session, gathered sample by sample. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.observability.quality import Sample

Measure = str | int | float


@dataclass
class Gathered:
    """The mean of what was seen, and its bounds."""

    count: int = 0
    total: float = 0.0
    least: float = 0.0
    most: float = 0.0

    def add(self, value: float | None) -> None:
        """Takes in a value; None is no value."""
        if value is None:
            return
        self.least = value if self.count == 0 else min(self.least, value)
        self.most = max(self.most, value)
        self.count += 1
        self.total += value

    @property
    def mean(self) -> float:
        """Of one value or more."""
        return self.total / self.count


@dataclass
class DirectionMeasures:
    """One direction of a session."""

    lost: Gathered = field(default_factory=Gathered)
    jitter: Gathered = field(default_factory=Gathered)
    round_trip: Gathered = field(default_factory=Gathered)
    score: Gathered = field(default_factory=Gathered)
    codecs: dict[str, None] = field(default_factory=dict)
    bytes: int = 0
    stalls: int = 0
    """How often media stopped without anyone asking for it."""
    _last_bytes: tuple[int, int] = (0, 0)
    """Id of the transport, and what it had carried at the last sample."""

    def add(self, sample: Sample) -> None:
        """Takes in a sample."""
        for gathered, value in (
            (self.lost, sample.lost),
            (self.jitter, sample.jitter),
            (self.round_trip, sample.round_trip),
            (self.score, sample.score),
        ):
            gathered.add(value)
        self.codecs.update(dict.fromkeys(sorted(sample.codecs)))

    def add_bytes(self, transport_id: int, carried: int) -> None:
        """Takes in how many bytes a transport has carried in all; a session may have one after the other."""
        before = self._last_bytes[1] if self._last_bytes[0] == transport_id else 0
        self.bytes += carried - before
        self._last_bytes = transport_id, carried

    def summary(self, name: str, seconds: float) -> dict[str, Measure]:
        """Fields whose names begin with `name`; those are left out of which nothing is known."""
        found: dict[str, Measure] = {}
        if self.codecs:
            found["codecs"] = ",".join(self.codecs)
        if self.bytes:
            found["bytes"] = self.bytes
            found["kbps"] = round(self.bytes * 8 / 1000 / max(seconds, 1.0), 1)
        for key, gathered, factor, digits in (
            ("loss_percent", self.lost, 100.0, 2),
            ("jitter_ms", self.jitter, 1000.0, 1),
        ):
            if gathered.count:
                found[key] = round(gathered.mean * factor, digits)
                found[f"{key}_max"] = round(gathered.most * factor, digits)
        if self.score.count:
            found["mos"] = round(self.score.mean, 2)
            found["mos_min"] = round(self.score.least, 2)
        if self.codecs:
            found["stalls"] = self.stalls
        return {f"{name}_{key}": value for key, value in found.items()}


@dataclass
class SessionMeasures:
    """Both directions, as the client sees them: what it sends and what it receives."""

    sent: DirectionMeasures = field(default_factory=DirectionMeasures)
    received: DirectionMeasures = field(default_factory=DirectionMeasures)
    protocol: str | None = None

    def add(self, stats: Mapping[str, Any], publish: Sample | None, subscribe: Sample | None) -> None:
        """Takes in `SessionStats` of `bridge.sfu` and what they say of each direction."""
        for direction, sample, name, counter in (
            (self.sent, publish, "publish", "bytes_received"),
            (self.received, subscribe, "subscribe", "bytes_sent"),
        ):
            transport = stats[name]
            if transport is not None:
                direction.add_bytes(transport["transport_id"], transport[counter])
                self.protocol = transport["protocol"] or self.protocol
            if sample is not None:
                direction.add(sample)

    def summary(self, seconds: float) -> dict[str, Measure]:
        """Fields of the record; `seconds` is how long the session was in the room."""
        found: dict[str, Measure] = {} if self.protocol is None else {"protocol": self.protocol}
        round_trip = self.received.round_trip
        if round_trip.count:
            found["round_trip_ms"] = round(round_trip.mean * 1000, 1)
            found["round_trip_ms_max"] = round(round_trip.most * 1000, 1)
        return found | self.sent.summary("sent", seconds) | self.received.summary("received", seconds)
