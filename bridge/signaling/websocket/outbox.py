"""What waits for one client to read: bounded in messages and in bytes."""

from __future__ import annotations

import asyncio
from collections import deque

import msgspec

from bridge.signaling.websocket.messages.media import AudioLevels
from bridge.signaling.websocket.messages.server import ServerMessage

_encoder = msgspec.json.Encoder()


class OutboxFullError(Exception):
    """The client reads too slowly. Nothing more is taken."""


class Outbox:
    """A queue of encoded messages with one reader. `put` never waits; at a bound it raises `OutboxFullError`.

    Audio levels are only worth something while they are new: of those that wait, the newest takes the place of the one
    before it, so that they alone can never fill the queue.
    """

    def __init__(self, max_messages: int, max_bytes: int) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._waiting: deque[list[str]] = deque()
        self._bytes = 0
        self._levels: list[str] | None = None
        self._finished = False
        self._changed = asyncio.Event()

    def put(self, message: ServerMessage) -> None:
        """Adds a message; after `finish` it is ignored."""
        if self._finished:
            return
        text = _encoder.encode(message).decode()
        if isinstance(message, AudioLevels):
            if self._levels is not None:
                self._bytes += len(text) - len(self._levels[0])
                self._levels[0] = text
                return
            self._levels = entry = [text]
        else:
            entry = [text]
        if len(self._waiting) >= self._max_messages or self._bytes + len(text) > self._max_bytes:
            raise OutboxFullError
        self._waiting.append(entry)
        self._bytes += len(text)
        self._changed.set()

    def finish(self) -> None:
        """Lets the reader come to an end once it has had what waits."""
        self._finished = True
        self._changed.set()

    async def get(self) -> str | None:
        """The next message, waiting for one if need be; None at the end."""
        while not self._waiting:
            if self._finished:
                return None
            self._changed.clear()
            await self._changed.wait()
        entry = self._waiting.popleft()
        if entry is self._levels:
            self._levels = None
        self._bytes -= len(entry[0])
        return entry[0]
