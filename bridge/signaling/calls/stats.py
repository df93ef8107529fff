"""Statistics of a call's connections, with sources in place of producers and consumers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bridge.signaling.calls.source_table import SourceTable


@dataclass(frozen=True, slots=True)
class SourceStats:
    """Counters of one source on one connection."""

    source_id: int
    packets: int
    bytes: int
    packets_lost: int
    jitter_seconds: float
    bitrate: int
    retransmissions: int
    keyframe_requests: int


@dataclass(frozen=True, slots=True)
class ConnectionStats:
    """Counters of one connection, as the bridge sees it."""

    protocol: Literal["udp", "tcp"] | None
    packets_received: int
    bytes_received: int
    packets_sent: int
    bytes_sent: int
    round_trip_seconds: float | None
    estimate: int | None
    """bit/s that the line to the client carries."""
    sources: tuple[SourceStats, ...]


def connection_stats(stats: Mapping[str, Any] | None, table: SourceTable) -> ConnectionStats | None:
    """Translates a `TransportStats` of `bridge._core`; what belongs to no source of a room is left out."""
    if stats is None:
        return None
    round_trips = [
        consumer["round_trip_time"] for consumer in stats["consumers"] if consumer["round_trip_time"] is not None
    ]
    sources = [
        _source(carried.source_id, counters, "retransmissions_received", "keyframe_requests_sent")
        for counters in stats["producers"]
        if (carried := table.of_producer(counters["producer_id"])) is not None
    ]
    sources += [
        _source(carried.source_id, counters, "retransmissions", "keyframe_requests_received")
        for counters in stats["consumers"]
        if (carried := table.of_producer(counters["producer_id"])) is not None
    ]
    return ConnectionStats(
        protocol=stats["protocol"],
        packets_received=stats["packets_received"],
        bytes_received=stats["bytes_received"],
        packets_sent=stats["packets_sent"],
        bytes_sent=stats["bytes_sent"],
        round_trip_seconds=min(round_trips, default=None),
        estimate=stats["estimate"],
        sources=tuple(sources),
    )


def _source(source_id: int, counters: Mapping[str, Any], retransmissions: str, keyframe_requests: str) -> SourceStats:
    return SourceStats(
        source_id=source_id,
        packets=counters["packets"],
        bytes=counters["bytes"],
        packets_lost=counters["packets_lost"],
        jitter_seconds=counters["jitter"],
        bitrate=counters["bitrate"],
        retransmissions=counters[retransmissions],
        keyframe_requests=counters[keyframe_requests],
    )
