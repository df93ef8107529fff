"""A relay of UDP: each client reaches the target through its link, from a port of the relay's own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from loadtest.emulator.pool import LinkPool
from loadtest.emulator.running import RunningLink
from loadtest.emulator.timer import now

Address = tuple[str, int]
_SocketAddress = tuple[object, ...]

_HEADERS = {socket.AF_INET: 28, socket.AF_INET6: 48}
"""Bytes of IP and UDP in front of each datagram: they use the line too."""
_BUFFER = 4 << 20
_LARGEST_DATAGRAM = 65_535
_BATCH = 64
"""Datagrams read from one socket before others have their turn."""


def family_of(host: str) -> socket.AddressFamily:
    """The family of an IP address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


@dataclass(slots=True)
class _Client:
    address: _SocketAddress
    far: socket.socket
    link: RunningLink
    seen: float


class UdpRelay:
    """Many clients on one port. A client that is silent for `idle` seconds is forgotten; at most `limit` are known."""

    def __init__(self, listen: Address, target: Address, pool: LinkPool, *, limit: int = 1000, idle: float = 60.0):
        """Listens at once; needs a running loop. Raises `OSError`."""
        self.refused = 0
        """Datagrams of clients for which there was no room."""
        self.unsent = 0
        """Datagrams that this machine's kernel did not take."""
        self._target = target
        self._pool = pool
        self._limit = limit
        self._idle = idle
        self._loop = asyncio.get_running_loop()
        self._clients: dict[_SocketAddress, _Client] = {}
        self._near = _open(family_of(listen[0]))
        try:
            self._near.bind(listen)
        except OSError:
            self._near.close()
            raise
        self._loop.add_reader(self._near, self._from_clients)
        self._sweep = self._loop.call_later(idle / 4, self._forget_idle)

    @property
    def address(self) -> Address:
        """Where clients are to send."""
        host, port, *_ = self._near.getsockname()
        return host, port

    def move(self) -> None:
        """Gives every client another port towards the target, as when a phone moves from Wi-Fi to mobile."""
        for client in self._clients.values():
            self._close_far(client.far)
            client.far = self._open_far(client)

    def close(self) -> None:
        """Forgets everybody."""
        self._sweep.cancel()
        for client in list(self._clients.values()):
            self._forget(client)
        self._loop.remove_reader(self._near)
        self._near.close()

    def _from_clients(self) -> None:
        for data, address in _datagrams(self._near):
            client = self._clients.get(address) or self._admit(address)
            if client is None:
                self.refused += 1
                continue
            client.seen = now()
            size = len(data) + _HEADERS[self._near.family]
            client.link.up(size, lambda client=client, data=data: self._send(client.far, data))  # type: ignore[misc]

    def _admit(self, address: _SocketAddress) -> _Client | None:
        if len(self._clients) >= self._limit:
            return None
        try:
            link = self._pool.take(("udp", address), str(address[0]))
        except OSError:
            # No more open files; a client that goes makes room.
            return None
        client = _Client(address, self._near, link, now())
        try:
            client.far = self._open_far(client)
        except OSError:
            self._pool.release(("udp", address), str(address[0]))
            return None
        self._clients[address] = client
        return client

    def _open_far(self, client: _Client) -> socket.socket:
        far = _open(family_of(self._target[0]))
        try:
            far.connect(self._target)
        except OSError:
            far.close()
            raise
        self._loop.add_reader(far, self._from_target, client, far)
        return far

    def _from_target(self, client: _Client, far: socket.socket) -> None:
        for data, _ in _datagrams(far):
            client.seen = now()
            size = len(data) + _HEADERS[far.family]
            client.link.down(size, lambda data=data: self._send(self._near, data, client.address))  # type: ignore[misc]

    def _send(self, through: socket.socket, data: bytes, to: _SocketAddress | None = None) -> None:
        try:
            if to is None:
                through.send(data)
            else:
                through.sendto(data, to)
        except OSError:
            # A full buffer, or nobody at the other end (ICMP): the network that is emulated would not tell either.
            self.unsent += 1

    def _forget_idle(self) -> None:
        deadline = now() - self._idle
        for client in [client for client in self._clients.values() if client.seen < deadline]:
            self._forget(client)
        self._sweep = self._loop.call_later(self._idle / 4, self._forget_idle)

    def _forget(self, client: _Client) -> None:
        del self._clients[client.address]
        self._close_far(client.far)
        self._pool.release(("udp", client.address), str(client.address[0]))

    def _close_far(self, far: socket.socket) -> None:
        self._loop.remove_reader(far)
        far.close()


def _open(family: socket.AddressFamily) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.setblocking(False)
    # What the kernel does not give is no reason to stop: the emulator reads at once.
    for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        with contextlib.suppress(OSError):
            made.setsockopt(socket.SOL_SOCKET, buffer, _BUFFER)
    return made


def _datagrams(source: socket.socket) -> Iterator[tuple[bytes, _SocketAddress]]:
    for _ in range(_BATCH):
        try:
            yield source.recvfrom(_LARGEST_DATAGRAM)
        except BlockingIOError:
            return
        except OSError:
            # An ICMP error of an earlier packet; what has come since is still there.
            continue
