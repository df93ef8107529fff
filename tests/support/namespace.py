"""A network of the test's own: a Linux network namespace that the whole test process moves into.

Firefox does not pair its own addresses with one of the loopback range, so that a bridge on 127.0.0.1 is out of its
reach. In a namespace with a made-up interface, all of this process and its children (the bridge, node, the browsers,
aiortc) meet on an address that is no loopback address and that nobody else can reach.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

IPV4 = "198.51.100.1"
"""Of a network that is set aside for documentation (RFC 5737): never anybody's."""
IPV6 = "2001:db8::1"
"""The same for IPv6 (RFC 3849)."""

_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Network:
    """The namespace that this thread is in."""

    ipv4: str = IPV4
    ipv6: str = IPV6

    @contextlib.contextmanager
    def without_udp_to(self, port: int) -> Iterator[None]:
        """Lets nothing reach a UDP port, as the firewalls of hospitals do; senders get EACCES."""
        with self._without(port, "prohibit", "udp"):
            yield

    @contextlib.contextmanager
    def without_media_to(self, port: int) -> Iterator[None]:
        """Swallows all that is sent to a port, UDP and TCP, as a line that is out does."""
        with self._without(port, "blackhole", "udp", "tcp"):
            yield

    @staticmethod
    @contextlib.contextmanager
    def _without(port: int, action: str, *protocols: str) -> Iterator[None]:
        # Policy rules may match ports and protocols, but only behind the rule for local addresses: it moves back.
        for family in ("-4", "-6"):
            run("ip", family, "rule", "add", "pref", "100", "lookup", "local")
            for protocol in protocols:
                run("ip", family, "rule", "add", "pref", "10", "ipproto", protocol, "dport", str(port), action)
            run("ip", family, "rule", "del", "pref", "0")
        try:
            yield
        finally:
            for family in ("-4", "-6"):
                run("ip", family, "rule", "add", "pref", "0", "lookup", "local")
                for _ in protocols:
                    run("ip", family, "rule", "del", "pref", "10")
                run("ip", family, "rule", "del", "pref", "100")


def may_make_networks() -> bool:
    """Whether this process may make a namespace: as root, in CI and in containers made for it."""
    return os.geteuid() == 0 and Path("/proc/self/ns/net").exists()


@contextlib.contextmanager
def own_network() -> Iterator[Network]:
    """Moves this thread, and what it starts from now on, into a namespace of its own; moves back at the end.

    Raises OSError where the process may not.
    """
    before = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        check(_LIBC.unshare(_CLONE_NEWNET))
        try:
            run("ip", "link", "set", "lo", "up")
            # Both ends lie in the namespace: the second is there only so that the first has a carrier.
            run("ip", "link", "add", "bridge0", "type", "veth", "peer", "name", "bridge1")
            run("ip", "address", "add", f"{IPV4}/24", "dev", "bridge0")
            run("ip", "-6", "address", "add", f"{IPV6}/64", "dev", "bridge0", "nodad")
            # No addresses of their own making, a second or two later: Chromium drops what it loads when they come.
            for end in ("bridge1", "bridge0"):
                run("ip", "link", "set", end, "addrgenmode", "none")
                run("ip", "link", "set", end, "up")
            # A default route, which browsers look for to learn which address is theirs.
            run("ip", "route", "add", "default", "dev", "bridge0")
            run("ip", "-6", "route", "add", "default", "dev", "bridge0")
            yield Network()
        finally:
            check(_LIBC.setns(before, _CLONE_NEWNET))
    finally:
        os.close(before)


def run(*command: str) -> None:
    """Runs a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


def check(result: int) -> None:
    """Raises OSError with errno where a call of the C library failed."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
