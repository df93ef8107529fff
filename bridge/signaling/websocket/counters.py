"""What the bridge counts, as a message."""

from __future__ import annotations

from bridge.signaling.calls.stats import ConnectionStats
from bridge.signaling.websocket.messages import parts, server


def stats(publish: ConnectionStats | None, subscribe: ConnectionStats | None, reply_to: int) -> server.Stats:
    """The answer to `get_stats`."""
    return server.Stats(reply_to=reply_to, publish=_connection_stats(publish), subscribe=_connection_stats(subscribe))


def _connection_stats(of: ConnectionStats | None) -> parts.ConnectionStats | None:
    if of is None:
        return None
    return parts.ConnectionStats(
        protocol=of.protocol,
        packets_received=of.packets_received,
        bytes_received=of.bytes_received,
        packets_sent=of.packets_sent,
        bytes_sent=of.bytes_sent,
        round_trip_seconds=of.round_trip_seconds,
        estimate=of.estimate,
        sources=[
            parts.SourceStats(
                source_id=str(each.source_id),
                packets=each.packets,
                bytes=each.bytes,
                packets_lost=each.packets_lost,
                jitter_seconds=each.jitter_seconds,
                bitrate=each.bitrate,
                retransmissions=each.retransmissions,
                keyframe_requests=each.keyframe_requests,
            )
            for each in of.sources
        ],
    )
