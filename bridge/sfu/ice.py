"""ICE-lite (RFC 8445, section 2.5): credentials, candidates, and the fragments of trickle ICE (RFC 8840)."""

from __future__ import annotations

import base64
import ipaddress
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bridge.sfu import interfaces
from bridge.sfu.sdp import parser
from bridge.sfu.sdp.error import SdpError

_UDP_PREFERENCE = 126
"""Type preference of host candidates (RFC 8445, section 5.1.2.1)."""

_TCP_PREFERENCE = 90
"""UDP is to win wherever it works (RFC 6544, section 4.2); this is what libwebrtc uses."""

_TCP_PASSIVE = 4
"""Direction preference of passive host candidates (RFC 6544, section 4.2)."""

_HALVES = ("a=ice-ufrag", "a=ice-pwd")

_FRAGMENT_HEAD = "v=0\no=- 0 0 IN IP4 0.0.0.0\n"

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Credentials:
    """A user name fragment and its password."""

    ufrag: str
    pwd: str

    @classmethod
    def make(cls) -> Credentials:
        """New ones: 72 random bits, so that no two in a worker's life are equal, and 144 (RFC 8445, section 5.3)."""
        return cls(*(base64.b64encode(secrets.token_bytes(size)).decode("ascii") for size in (9, 18)))


@dataclass(frozen=True)
class Fragment:
    """What an `application/trickle-ice-sdpfrag` body says."""

    credentials: Credentials | None
    line: int | None
    """Where the user name fragment stands."""
    trickles: bool
    """Whether it tells candidates, or that there are no more."""


def parse_address(text: str) -> tuple[IpAddress, int]:
    """Address and port of "ip:port" or "[ip6]:port". Raises ValueError."""
    host, separator, port = text.rpartition(":")
    if not separator or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not an address and a port")
    if host.startswith("[") and host.endswith("]"):
        return ipaddress.IPv6Address(host[1:-1]), int(port)
    return ipaddress.IPv4Address(host), int(port)


def format_address(address: IpAddress, port: int) -> str:
    """The text that `parse_address` reads."""
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def host_addresses(listened: Sequence[str], announced: Sequence[str]) -> list[tuple[IpAddress, int]]:
    """What to announce for a worker that listens there: each address once, in order of preference.

    Announced addresses replace those listened on, each with the port of the first socket of its family. A socket that
    listens on all addresses stands for every one this host has: where none is for IPv4 alone, [::] serves that, too.
    """
    sockets = [parse_address(text) for text in listened]
    if not any(socket.version == 4 for socket, _ in sockets):
        any_ipv4 = ipaddress.IPv4Address(0)
        sockets += [(any_ipv4, port) for socket, port in sockets if socket.is_unspecified]
    if announced:
        pairs = [
            (address, port)
            for address in map(ipaddress.ip_address, announced)
            for port in [next((port for socket, port in sockets if socket.version == address.version), None)]
            if port is not None
        ]
    else:
        pairs = [
            (address, port)
            for socket, port in sockets
            for address in (interfaces.addresses(socket.version) if socket.is_unspecified else [socket])
        ]
        if not all(address.is_loopback for address, _ in pairs):
            # A host with one family alone has no other addresses of the other one than those of loopback.
            asked_for = {socket for socket, _ in sockets}
            pairs = [pair for pair in pairs if not pair[0].is_loopback or pair[0] in asked_for]
    return list(dict.fromkeys(pairs))


def candidates(addresses: Sequence[tuple[IpAddress, int]], *, tcp: bool) -> tuple[str, ...]:
    """Values of `a=candidate` for host addresses: UDP ones first, then TCP passive ones (RFC 8839, RFC 6544)."""
    return (*_udp(addresses), *(_tcp(addresses) if tcp else ()))


def tcp_only(values: Sequence[str]) -> tuple[str, ...]:
    """Those of the values of `a=candidate` that are for TCP."""
    return tuple(value for value in values if value.split(" ")[2] == "tcp")


def _udp(addresses: Sequence[tuple[IpAddress, int]]) -> Iterator[str]:
    for index, (address, port) in enumerate(addresses):
        local = 65535 - index
        yield f"udp{index} 1 udp {_priority(_UDP_PREFERENCE, local)} {address} {port} typ host"


def _tcp(addresses: Sequence[tuple[IpAddress, int]]) -> Iterator[str]:
    for index, (address, port) in enumerate(addresses):
        local = (_TCP_PASSIVE << 13) | (8191 - index)
        yield f"tcp{index} 1 tcp {_priority(_TCP_PREFERENCE, local)} {address} {port} typ host tcptype passive"


def _priority(type_preference: int, local_preference: int) -> int:
    component = 1
    return (type_preference << 24) | (local_preference << 8) | (256 - component)


def read_fragment(text: str) -> Fragment:
    """What the body of a PATCH says. Raises `SdpError`, whose line numbers count in the fragment."""
    # A fragment is a description without its first lines (RFC 8840, section 9). It may name a BUNDLE group without
    # having its m-lines. The m-line at the end inherits what stands in the head of a fragment without any.
    body = re.sub(r"(?m)^a=group:.*$", "", text)
    try:
        description = parser.parse(f"{_FRAGMENT_HEAD}{body}\nm=audio 9 UDP/TLS/RTP/SAVPF 0")
    except SdpError as error:
        line = None if error.line is None else max(1, error.line - _FRAGMENT_HEAD.count("\n"))
        raise SdpError(error.message, line=line, hint=error.hint) from None
    line = _check_halves(text)
    pairs = ((media.ice_ufrag, media.ice_pwd) for media in description.media)
    credentials = next((Credentials(ufrag, pwd) for ufrag, pwd in pairs if ufrag and pwd), None)
    return Fragment(credentials, line, re.search(r"(?m)^a=(candidate:|end-of-candidates)", text) is not None)


def _check_halves(text: str) -> int | None:
    """The line of the first user name fragment. Raises `SdpError` for one without a password beside it, or the reverse.

    Half of the credentials would be passed over, and whoever sent them would believe in a restart.
    """
    halves: dict[str, int] = {}
    first = None
    for number, line in enumerate((*text.splitlines(), "m="), 1):
        name = line.partition(":")[0]
        if name in _HALVES:
            halves[name] = number
        elif line.startswith("m="):
            # Each m-line has both, or inherits both.
            for half, missing in zip(_HALVES, reversed(_HALVES), strict=True):
                if half in halves and missing not in halves:
                    raise SdpError(f"{half} without {missing}", line=halves[half], hint="send both, or neither")
            first = halves.get(_HALVES[0]) if first is None else first
            halves.clear()
    return first


def write_fragment(credentials: Credentials, mid: str | None, kind: str, lines: Sequence[str]) -> str:
    """The bridge's fragment after an ICE restart (RFC 9725, section 4.3.3)."""
    fragment = [
        "a=ice-lite",
        f"a=ice-ufrag:{credentials.ufrag}",
        f"a=ice-pwd:{credentials.pwd}",
        f"m={kind} 9 UDP/TLS/RTP/SAVPF 0",
        *([] if mid is None else [f"a=mid:{mid}"]),
        *(f"a=candidate:{line}" for line in lines),
        "a=end-of-candidates",
    ]
    return "".join(f"{line}\r\n" for line in fragment)
