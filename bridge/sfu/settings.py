"""What the media plane needs to know from its operator."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class MediaLimits:
    """Bounds of what a client may ask for. At each bound the client gets an error or a rejected m-line."""

    sdp_bytes: int = 256 * 1024
    """Bytes of an SDP. Answers to the bridge's own offers are the long ones: browsers write a kilobyte an m-line, and a
    room of 25 has some 50 to 200."""
    media_lines: int = 64
    """M-lines of an offer made by a client; Chromium writes some 3,600 bytes each."""
    subscriptions: int = 256
    """Subscriptions of one session."""
    sessions: int = 8192
    """Sessions per worker (two transports each)."""
    handshake_bytes: int = 64 * 1024
    """Bytes of DTLS that a peer may send before its handshake is done."""


@dataclass(frozen=True)
class MediaTimeouts:
    """How long to wait, in seconds."""

    handshake: float = 10.0
    """From the first DTLS datagram (or our ClientHello) to the end of the handshake."""
    consent: float = 30.0
    """Silence after which nothing more is sent to a peer (RFC 7675)."""
    stall: float = 3.0
    """Silence after which the watchdog reports a producer or consumer."""
    stats: float = 2.0
    """For a worker to answer with the statistics of a transport."""


@dataclass(frozen=True)
class MediaSettings:
    """Where media listens and within what bounds."""

    listen: tuple[str, ...] = ("127.0.0.1:3478",)
    """Addresses "ip:port" or "[ip6]:port" of the first worker; the next worker listens one port higher, and so on. Port
    0 lets the system choose for every worker."""
    skip_absent: bool = False
    """Whether addresses of `listen` that this machine does not have (any more) are passed over, if it has another."""
    announced: tuple[str, ...] = ()
    """IP addresses put into candidates, in order of preference, instead of those listened on (behind NAT, or when
    listening on 0.0.0.0 or ::, which stand for what `interfaces.addresses` gives). Names are not allowed: browsers
    resolve no names in candidates but .local ones."""
    workers: int = 1
    """Data-plane threads."""
    tcp: bool = True
    """Whether ICE-TCP is offered on the same port numbers."""
    gather_us: int = 2_000
    """Microseconds a worker rests at most so that packets come together; less as they come faster. 0 never rests."""
    speakers: int = 3
    """How many of a room's speakers are forwarded at the same time, the loudest; 0 for all."""
    receive_buffer_bytes: int = 4 * 1024 * 1024
    """SO_RCVBUF asked for, per socket."""
    send_buffer_bytes: int = 4 * 1024 * 1024
    """SO_SNDBUF asked for, per socket."""
    limits: MediaLimits = field(default_factory=MediaLimits)
    timeouts: MediaTimeouts = field(default_factory=MediaTimeouts)
