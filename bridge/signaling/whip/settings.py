"""What the WHIP and WHEP doors are told by their operator."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WhipIceServer:
    """A STUN or TURN server for a Link header (RFC 9725 §4.6)."""

    url: str
    username: str | None = None
    credential: str | None = None


@dataclass(frozen=True, slots=True)
class WhipSettings:
    """Bounds of the doors."""

    max_body_bytes: int = 256 * 1024
    """Of an offer or a fragment. A browser that watches a room of 25 offers 150 to 180 kilobytes."""
    max_candidates_bytes: int = 16 * 1024
    """Of a fragment without a bearer token. A candidate has 100 to 150 bytes: room for a hundred."""
    allowed_origins: tuple[str, ...] = ("*",)
    """Pages of which origins may use the doors from a browser."""
    ice_servers: tuple[WhipIceServer, ...] = ()
    """Told to clients in Link headers."""
    max_joins_per_second: float = 200.0
    """Of all clients together; further ones get 429."""
    join_burst: int = 500
    """Joins accepted at once after a pause."""
