"""The addresses of this host, for sockets that listen on all of them (Linux)."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct
from pathlib import Path

_SIOCGIFFLAGS = 0x8913
_SIOCGIFADDR = 0x8915
_IFF_UP = 0x1
_IF_INET6 = Path("/proc/net/if_inet6")
_UNUSABLE_INET6 = 0x20 | 0x40 | 0x08 | 0x01
"""Deprecated, tentative, failed duplicate detection, or a temporary one that goes away (RFC 8981)."""


def addresses(version: int) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Addresses of interfaces that are up: of the family asked for, those of loopback only if there are no others."""
    found = _ipv4() if version == 4 else _ipv6()
    usable = [address for address in found if not address.is_link_local]
    return [address for address in usable if not address.is_loopback] or usable


def _ipv4() -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    found: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                flags = fcntl.ioctl(probe, _SIOCGIFFLAGS, request)
                answer = fcntl.ioctl(probe, _SIOCGIFADDR, request)
            except OSError:
                continue  # The interface has no IPv4 address, or has just gone.
            if struct.unpack_from("H", flags, 16)[0] & _IFF_UP:
                found.append(ipaddress.IPv4Address(answer[20:24]))
    return found


def _ipv6() -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        lines = _IF_INET6.read_text("ascii").splitlines()
    except OSError:
        return []  # A kernel without IPv6.
    found: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = []
    for line in lines:
        address, _index, _prefix, _scope, flags, *_name = line.split()
        if not int(flags, 16) & _UNUSABLE_INET6:
            found.append(ipaddress.IPv6Address(bytes.fromhex(address)))
    return found
