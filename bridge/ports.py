"""Whether an address can be listened on, found out by trying."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from dataclasses import replace

from bridge.configuration import Address
from bridge.settings import MediaSection

NAMES = {socket.SOCK_DGRAM: "UDP", socket.SOCK_STREAM: "TCP"}
"""What operators call the kinds of sockets."""


def why_not(address: Address, kind: socket.SocketKind) -> str | None:
    """Why nothing can listen there, None if something can. `kind` is SOCK_STREAM or SOCK_DGRAM."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                # As servers do: connections of the one before that linger are no obstacle.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((address.host, address.port))
    except OSError as error:
        return "in use" if error.errno == errno.EADDRINUSE else (error.strerror or "cannot be bound")
    return None


def media_addresses(media: MediaSection, first: Address) -> Iterator[tuple[Address, socket.SocketKind]]:
    """All that the workers listen on for one configured address: each port, by UDP and perhaps TCP."""
    kinds = (socket.SOCK_DGRAM, socket.SOCK_STREAM) if media.tcp else (socket.SOCK_DGRAM,)
    for index in range(media.workers):
        address = replace(first, port=first.port + index if first.port else 0)
        yield from ((address, kind) for kind in kinds)
