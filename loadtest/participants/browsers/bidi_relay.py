"""Carries WebDriver BiDi between two pipes and a browser's port: run where that port is.

    python bidi_relay.py ws://127.0.0.1:PORT/session

A message is a line, in both directions. It ends when either side does.
"""

import asyncio
import os
import sys

from websockets.asyncio.client import ClientConnection, connect

_LARGEST = 2**26


async def _relay(address: str) -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=_LARGEST)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), os.fdopen(0, "rb", 0))
    async with connect(address, max_size=_LARGEST, compression=None, proxy=None) as socket:
        towards = asyncio.create_task(_towards(lines, socket))
        async for message in socket:
            sys.stdout.write(message if isinstance(message, str) else message.decode())
            sys.stdout.write("\n")
            sys.stdout.flush()
        towards.cancel()


async def _towards(lines: asyncio.StreamReader, socket: ClientConnection) -> None:
    async for line in lines:
        await socket.send(line.decode())
    await socket.close()


if __name__ == "__main__":
    asyncio.run(_relay(sys.argv[1]))
