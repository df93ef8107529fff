"""TUN devices: the kernel's end of a line is an interface, ours a file of whole IP packets."""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
from collections.abc import Callable
from pathlib import Path

from loadtest.errors import InputError

_DEVICE = Path("/dev/net/tun")
_TUNSETIFF = 0x400454CA
_IFF_TUN = 0x0001
_IFF_NO_PI = 0x1000
_LARGEST_PACKET = 65_535
_BATCH = 64
"""Packets read from one device before others have their turn."""


class Tun:
    """An interface that lives as long as this object, or this process. It can be moved into another namespace."""

    def __init__(self, pattern: str = "emu%d") -> None:
        """Makes it; the kernel puts a number for `%d`. Raises `InputError` without the right to."""
        try:
            self._file = os.open(_DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise InputError(
                f"there is no {_DEVICE}: expected a kernel with TUN devices", hint="modprobe tun"
            ) from None
        except PermissionError:
            raise InputError(f"no right to open {_DEVICE}: expected root or CAP_NET_ADMIN") from None
        try:
            request = struct.pack("16sH22x", pattern.encode(), _IFF_TUN | _IFF_NO_PI)
            answer = fcntl.ioctl(self._file, _TUNSETIFF, request)
        except PermissionError:
            os.close(self._file)
            raise InputError("no right to make a TUN device: expected root or CAP_NET_ADMIN") from None
        self.name = answer[:16].rstrip(b"\0").decode()
        self.unsent = 0
        """Packets that the kernel did not take."""
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, take: Callable[[bytes], None]) -> None:
        """Calls `take` with each packet that the kernel sends into the interface; needs a running loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._file, self._read, take)

    def send(self, packet: bytes) -> None:
        """Lets a packet come out of the interface."""
        try:
            os.write(self._file, packet)
        except OSError:
            # The interface is down, or was deleted with its namespace.
            self.unsent += 1

    def close(self) -> None:
        """The interface is gone."""
        if self._loop is not None:
            self._loop.remove_reader(self._file)
            self._loop = None
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _read(self, take: Callable[[bytes], None]) -> None:
        for _ in range(_BATCH):
            try:
                packet = os.read(self._file, _LARGEST_PACKET)
            except BlockingIOError:
                return
            except OSError:
                # Deleted from outside: there is nothing to come any more.
                assert self._loop is not None
                self._loop.remove_reader(self._file)
                return
            take(packet)
