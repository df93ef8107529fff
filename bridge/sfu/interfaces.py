"""The addresses of this host, for sockets that listen on all of them (Linux)."""

from __future__ import annotations

import array
import fcntl
import ipaddress
import socket
import struct
from pathlib import Path

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_ADDRESSES = 16
"""Of one family, at most: each is a candidate more in every session description, and browsers try them all."""

_SIOCGIFCONF = 0x8912
_SIOCGIFFLAGS = 0x8913
_IFF_UP = 0x1
_IFREQ_BYTES = 16 + struct.calcsize("LLHBBB3x")
"""`struct ifreq`: a name of 16 bytes, and a union of which `struct ifmap` is the longest."""
_MAX_IFREQS = 4096
"""As many as are asked for; a host may have a container bridge for each of its services."""
_IF_INET6 = Path("/proc/net/if_inet6")
_UNUSABLE_INET6 = 0x20 | 0x40 | 0x08 | 0x01
"""Deprecated, tentative, failed duplicate detection, or a temporary one that goes away (RFC 8981)."""


def addresses(version: int) -> list[IpAddress]:
    """Addresses of interfaces that are up: of the family asked for, those of loopback only if there are no others.

    First the first one of each interface, in the system's order of interfaces, then the second ones, and so on: where
    there are more than `MAX_ADDRESSES`, no interface goes without for the sake of one that has many.
    """
    found = _ipv4() if version == 4 else _ipv6()
    usable = [(interface, address) for interface, address in found if not address.is_link_local]
    usable = [(interface, address) for interface, address in usable if not address.is_loopback] or usable
    ranked: list[tuple[int, IpAddress]] = []
    seen: dict[str, int] = {}
    for interface, address in usable:
        seen[interface] = rank = seen.get(interface, -1) + 1
        ranked.append((rank, address))
    ranked.sort(key=lambda each: each[0])
    return [address for _, address in ranked][:MAX_ADDRESSES]


def _ipv4() -> list[tuple[str, IpAddress]]:
    """Names of interfaces, and addresses: an interface's own first, then those that were added to it."""
    requests = array.array("B", bytes(_IFREQ_BYTES * _MAX_IFREQS))
    at, size = requests.buffer_info()
    found: list[tuple[str, IpAddress]] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        (used,) = struct.unpack_from("i", fcntl.ioctl(probe, _SIOCGIFCONF, struct.pack("iP", size, at)))
        for start in range(0, used, _IFREQ_BYTES):
            request = requests[start : start + _IFREQ_BYTES].tobytes()
            try:
                flags = fcntl.ioctl(probe, _SIOCGIFFLAGS, request)
            except OSError:
                continue  # The interface has just gone.
            if struct.unpack_from("H", flags, 16)[0] & _IFF_UP:
                # An address may have a label, "eth0:1": the interface is what stands before the colon.
                label = request[:16].partition(b"\0")[0].decode()
                found.append((label.partition(":")[0], ipaddress.IPv4Address(request[20:24])))
    return found


def _ipv6() -> list[tuple[str, IpAddress]]:
    try:
        lines = _IF_INET6.read_text("ascii").splitlines()
    except OSError:
        return []  # A kernel without IPv6.
    found: list[tuple[int, str, IpAddress]] = []
    for line in lines:
        address, index, _prefix, _scope, flags, name = line.split()
        if not int(flags, 16) & _UNUSABLE_INET6:
            found.append((int(index, 16), name, ipaddress.IPv6Address(bytes.fromhex(address))))
    # The kernel lists them as they lie in a table of hashes.
    return [(name, address) for _, name, address in sorted(found, key=lambda each: (each[0], each[2].packed))]
