"""What the WebSocket door is told by its operator."""

from __future__ import annotations

from dataclasses import dataclass

PATH = "/v1/signal"
SUBPROTOCOL = "bridge.v1"
NEGOTIATION_COST = 5
"""What `publish` and `restart_ice` count as: each takes milliseconds here, and has an offer made for everyone else."""


@dataclass(frozen=True, slots=True)
class IceServer:
    """An entry of RTCConfiguration.iceServers, handed to clients."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = None


@dataclass(frozen=True, slots=True)
class WebSocketSettings:
    """Bounds of the door. Times in seconds."""

    first_message_timeout: float = 10.0
    """For `join` or `resume` to arrive."""
    close_timeout: float = 5.0
    """For a client to read the last messages before its connection is cut."""
    requests_per_second: float = 20.0
    request_burst: int = 100
    max_faults: int = 50
    """Bad or refused-for-rate messages in one connection before it is closed."""
    queue_messages: int = 512
    """Messages that wait for one client to read. Past it the client is dropped."""
    queue_bytes: int = 1024 * 1024
    """Bytes that wait for one client to read. Past it the client is dropped."""
    max_connections: int = 10_000
    """WebSockets at a time, joined or not. Further ones are closed at once (4503)."""
    max_waiting: int = 1_000
    """Of those, how many may not have joined yet. One more, and the one that waited for longest is closed (4408)."""
    allowed_origins: tuple[str, ...] = ("*",)
    """`Origin` headers of browsers that are let in; "*" is all. Clients that are no browsers send none. Tokens are not
    sent by browsers of their own accord, as cookies are, so this is a second fence and not the first."""
    public_url: str | None = None
    """Where the bridge's page is; None for where the client has reached the bridge."""
    ice_servers: tuple[IceServer, ...] = ()
    """Told to clients; rarely needed, since the bridge is reachable over UDP and TCP."""
