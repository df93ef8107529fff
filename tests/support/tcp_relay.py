"""A TCP relay that can be cut: what a lost network does to signalling, while media goes on by another way."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Self

CHUNK = 65_536


class TcpRelay:
    """Forwards connections to `host:port`. While it is cut, connections are reset and new ones get no further."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._cut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self._reset()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        """Where clients are to connect, on 127.0.0.1."""
        return int(self._server.sockets[0].getsockname()[1])

    def cut(self) -> None:
        """The network is gone."""
        self._cut = True
        self._reset()

    def mend(self) -> None:
        """The network is back."""
        self._cut = False

    def _reset(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        ends = {writer, far_writer}
        self._writers |= ends
        flows = [asyncio.create_task(flow(reader, far_writer)), asyncio.create_task(flow(far_reader, writer))]
        self._tasks.update(flows)
        await asyncio.wait(flows)
        self._tasks.difference_update(flows)
        self._writers -= ends


async def flow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copies one direction until it ends, then ends the other side's."""
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()
