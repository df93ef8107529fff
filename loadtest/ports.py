"""Ports for servers that are about to be started: nobody else is given them meanwhile."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import tempfile
from pathlib import Path

_LOWEST = 16_384
"""Below lie ports that programs are known by, and the last one that browsers refuse to go to."""
_HIGHEST = 65_535
_APART = 8
"""A bridge of several workers listens on the ports above its own, too."""


def free_port(host: str = "127.0.0.1") -> int:
    """A port of this machine's address that is free for TCP and UDP, and that this user's processes are given once.

    Of those that the system gives to nobody who asks for any: between a look at a port and the start of its server
    lies a second or more, in which others open sockets, and a client that tries again and again could even connect to
    itself. They are given in turn, over all processes. Raises `RuntimeError` where none is free.
    """
    first, last = _given_by_the_system()
    ports = [port for port in range(_LOWEST, _HIGHEST + 1, _APART) if not first <= port <= last]
    # Where the system gives all of them, they are still given in turn.
    ports = ports or list(range(_LOWEST, _HIGHEST + 1, _APART))
    with (Path(tempfile.gettempdir()) / f"bridge-ports-{os.getuid()}").open("a+", encoding="ascii") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        turn.seek(0)
        given = int(turn.read() or 0)
        for count in range(1, len(ports) + 1):
            port = ports[(given + count) % len(ports)]
            if _is_free(host, port):
                turn.truncate(0)
                turn.write(str((given + count) % len(ports)))
                return port
    raise RuntimeError(f"no port of {host} is free for both TCP and UDP")


def _given_by_the_system() -> tuple[int, int]:
    """The range of what a socket is bound to that asks for port 0."""
    with contextlib.suppress(OSError):
        first, last = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
        return int(first), int(last)
    # Of no Linux: that which IANA has set aside for it (RFC 6335, section 6).
    return 49_152, _HIGHEST


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tcp, socket.socket(family, socket.SOCK_DGRAM) as udp:
        try:
            tcp.bind((host, port))
            udp.bind((host, port))
        except OSError:
            return False
    return True
