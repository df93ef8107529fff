"""A relay of TCP: bytes cross the link as segments, and what the link loses is sent again.

The relay ends the TCP of both sides and speaks one of its own across the link: segments of 1,460 bytes, a window that
grows and shrinks as TCP's does (`aimd`), in order at the far end. So a lossy link makes a TCP connection slow and late,
never broken. Acknowledgements take the time of the way back but do not use its line.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from loadtest.emulator.aimd import AimdWindow
from loadtest.emulator.description import LinkDescription
from loadtest.emulator.pool import LinkPool
from loadtest.emulator.timer import now

Address = tuple[str, int]

_SEGMENT = 1460
_HEADERS = 40
_LEAST_TIMEOUT = 0.2
"""Seconds before a lost segment goes again where the round trip is short: Linux's least RTO."""


class _Send(Protocol):
    def __call__(self, size: int, arrive: Callable[[], None], lost: Callable[[float], None]) -> None: ...


class TcpRelay:
    """Many connections on one port, at most `limit` at once; further ones are closed at once."""

    def __init__(self, target: Address, pool: LinkPool, description: LinkDescription, *, limit: int = 1000) -> None:
        self.refused = 0
        """Connections for which there was no room, or that the target did not take."""
        self._target = target
        self._pool = pool
        self._round_trip = description.down.delay + description.up.delay
        self._limit = limit
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def listen(self, address: Address) -> None:
        """Begins. Raises `OSError`."""
        self._server = await asyncio.start_server(self._accept, *address)

    @property
    def address(self) -> Address:
        """Where clients are to connect."""
        assert self._server is not None
        host, port, *_ = self._server.sockets[0].getsockname()
        return host, port

    async def close(self) -> None:
        """Ends every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._connections) >= self._limit:
            self.refused += 1
            writer.close()
            return
        self._connections.add(task)
        try:
            await self._relay(reader, writer)
        except OSError:
            self.refused += 1
        finally:
            self._connections.discard(task)
            writer.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        try:
            link = self._pool.take(("tcp", peer), str(peer[0]))
        except OSError:
            far_writer.close()
            raise
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_Stream(link.up, self._round_trip).carry(reader, far_writer))
                group.create_task(_Stream(link.down, self._round_trip).carry(far_reader, writer))
        except* OSError:
            # Either side has gone without a goodbye; so does the other.
            pass
        finally:
            far_writer.close()
            self._pool.release(("tcp", peer), str(peer[0]))


class _Stream:
    """One direction of a connection."""

    def __init__(self, send: _Send, round_trip: float) -> None:
        self._send = send
        self._round_trip = round_trip
        self._window = AimdWindow()
        self._position = 0
        self._next = 0
        self._arrived: dict[int, bytes] = {}
        """Segments that wait for one before them: never more than the window."""
        self._moved = asyncio.Event()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the end of what is read has arrived. Raises `OSError`."""
        while data := await reader.read(_SEGMENT):
            self._transmit(self._position, data, writer)
            self._position += 1
            await writer.drain()
            await self._until(self._window.may_send, writer)
        await self._until(lambda: self._next == self._position, writer)
        with contextlib.suppress(OSError):
            writer.write_eof()

    async def _until(self, condition: Callable[[], bool], writer: asyncio.StreamWriter) -> None:
        while not condition():
            if writer.is_closing():
                raise ConnectionResetError
            self._moved.clear()
            await self._moved.wait()

    def _transmit(self, position: int, data: bytes, writer: asyncio.StreamWriter) -> None:
        number = self._window.sent()
        loop = asyncio.get_running_loop()
        settled = False

        def arrive() -> None:
            # A link that duplicates packets delivers some twice.
            nonlocal settled
            if settled:
                return
            settled = True
            self._arrived[position] = data
            while (segment := self._arrived.pop(self._next, None)) is not None:
                self._next += 1
                if not writer.is_closing():
                    writer.write(segment)
            self._moved.set()
            loop.call_later(self._round_trip / 2, acknowledge)

        def acknowledge() -> None:
            self._window.acknowledged()
            self._moved.set()

        def lost(left: float) -> None:
            nonlocal settled
            if not settled:
                settled = True
                loop.call_later(max(0.0, left - now()) + max(self._round_trip, _LEAST_TIMEOUT), again)

        def again() -> None:
            self._window.lost(number)
            if not writer.is_closing():
                self._transmit(position, data, writer)
            self._moved.set()

        self._send(len(data) + _HEADERS, arrive, lost)
