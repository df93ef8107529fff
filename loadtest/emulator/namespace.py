"""A network namespace behind a link: whole browsers, with every packet of theirs through the model.

Two TUN devices, one in the namespace and one on the host, with the emulator between their files. What runs in the
namespace sees an interface `eth0` and a default route; what runs on the host sees the namespace's address beyond the
other device. Packets beyond the host need forwarding and NAT by whoever wants them there.
"""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, Self

from loadtest.emulator.description import LinkDescription
from loadtest.emulator.pool import LinkPool, Sharing, Totals
from loadtest.emulator.tun import Tun
from loadtest.errors import InputError

_RANGE = ipaddress.IPv4Network("198.18.0.0/15")
"""Set aside for measurements (RFC 2544): never anybody's."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_PATIENCE = 3.0
"""Seconds that a process has to end by itself."""


_JANITOR = """
read -r _
tries=0
while [ $tries -lt 200 ]; do
    case "$("$0" -o link show dev "$2" 2>/dev/null)" in "$3: "*) sleep 0.05 ;; *) break ;; esac
    tries=$((tries + 1))
done
exec "$0" netns delete "$1" 2>/dev/null
"""
"""Waits for the end of its input, and for that of the host's device: who sees the name gone finds nothing else left.

Devices of a process that is killed go a moment after its files. A device of the same name and another number is
somebody else's. After ten seconds the namespace goes all the same.
"""


class Carrier(Protocol):
    """What takes packets of `size` bytes and calls `arrive` if and when they get through."""

    def down(self, size: int, arrive: Callable[[], None]) -> None:
        """Towards the namespace."""

    def up(self, size: int, arrive: Callable[[], None]) -> None:
        """Away from it."""


class Namespace:
    """`async with Namespace("patient") as place:` makes the namespace and removes it; `connect` gives it a line.

    The namespace goes with the emulator even if that is killed: a small process waits for its end.
    """

    def __init__(self, name: str) -> None:
        """Raises `InputError` if the name cannot be one of a namespace."""
        if not _NAME.fullmatch(name):
            raise InputError(f"namespace {name!r}: expected 1 to 32 letters, digits, dots, dashes and underscores")
        self.name = name
        self.host_address = ""
        """Of the host, as seen from the namespace: where servers for it are to listen (or on 0.0.0.0)."""
        self.address = ""
        """Of the namespace, as seen from the host."""
        self._janitor: subprocess.Popen[bytes] | None = None
        self._devices: list[Tun] = []

    async def __aenter__(self) -> Self:
        """Raises `InputError` where this process may not, or the name is taken."""
        try:
            self._open()
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()

    def connect(self, carrier: Carrier) -> None:
        """Has every packet carried by `carrier`; needs a running loop. To be called once, while it is open."""
        outer, inner = self._devices
        outer.start(lambda packet: carrier.down(len(packet), lambda: inner.send(packet)))
        inner.start(lambda packet: carrier.up(len(packet), lambda: outer.send(packet)))

    def start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Starts a command within the namespace, in a session of its own."""
        return subprocess.Popen([_ip(), "netns", "exec", self.name, *command], start_new_session=True)

    def processes(self) -> list[int]:
        """The processes in the namespace."""
        return [int(word) for word in _run("netns", "pids", self.name).split()]

    def end_processes(self) -> None:
        """Ends every process in the namespace, at last by force."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in self.processes():
                try:
                    os.kill(process, number)
                except ProcessLookupError:
                    continue
            deadline = time.monotonic() + _PATIENCE
            while self.processes():
                if time.monotonic() > deadline:
                    break
                time.sleep(0.05)
            else:
                return

    def _open(self) -> None:
        if os.geteuid() != 0:
            raise InputError(
                "no right to make a network namespace: expected root", hint="sudo, or use --listen and --to"
            )
        if Path("/run/netns", self.name).exists():
            raise InputError(f"there is a namespace {self.name!r} already", hint=f"ip netns delete {self.name}")
        outer, inner = Tun(), Tun()
        self._devices = [outer, inner]
        # Before the namespace: there is no moment at which nobody would clean up.
        self._janitor = subprocess.Popen(
            ["/bin/sh", "-c", _JANITOR, _ip(), self.name, outer.name, str(socket.if_nametoindex(outer.name))],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        _run("netns", "add", self.name)
        with _alone():
            host, guest = _free_network().hosts()
            _run("address", "add", f"{host}/30", "dev", outer.name)
        self.host_address, self.address = str(host), str(guest)
        _run("link", "set", outer.name, "up")
        _run("link", "set", inner.name, "netns", self.name, "name", "eth0")
        _run("-n", self.name, "link", "set", "lo", "up")
        _run("-n", self.name, "address", "add", f"{guest}/30", "dev", "eth0")
        _run("-n", self.name, "link", "set", "eth0", "up")
        _run("-n", self.name, "route", "add", "default", "via", str(host))

    def _close(self) -> None:
        for device in self._devices:
            device.close()
        if self._janitor is not None:
            # The end of its input is what it waits for.
            self._janitor.communicate()
            self._janitor = None


class NamespaceLink(Namespace):
    """A namespace with a link of its own: `async with NamespaceLink("patient", description, seed=1) as line:`."""

    def __init__(self, name: str, description: LinkDescription, *, seed: int) -> None:
        """Raises `InputError` if the name cannot be one of a namespace."""
        super().__init__(name)
        self.pool = LinkPool(description, seed=seed, sharing=Sharing.ALL)

    async def __aenter__(self) -> Self:
        """Raises `InputError` where this process may not, or the name is taken."""
        await super().__aenter__()
        self.connect(self.pool.take(self.name, self.name))
        return self

    async def __aexit__(self, *exception: object) -> None:
        self.pool.close()
        await super().__aexit__(*exception)

    def totals(self) -> Totals:
        """What went through so far."""
        return self.pool.totals()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """While no other emulator of this host looks for a network: two would find the same one."""
    folder = os.open("/run/netns", os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _free_network() -> ipaddress.IPv4Network:
    """The first small network of the range that no interface of the host has."""
    taken = [
        ipaddress.IPv4Interface(f"{entry['local']}/{entry['prefixlen']}").network
        for interface in json.loads(_run("-j", "-4", "address"))
        for entry in interface["addr_info"]
    ]
    for network in _RANGE.subnets(new_prefix=30):
        if not any(network.overlaps(other) for other in taken):
            return network
    raise InputError(f"no network of {_RANGE} is free on this host")


def _ip() -> str:
    found = shutil.which("ip")
    if found is None:
        raise InputError("there is no command ip: expected iproute2 to be installed", hint="apt-get install iproute2")
    return found


def _run(*arguments: str) -> str:
    done = subprocess.run([_ip(), *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise InputError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
