"""The time line of a recording, written in a thread: a disk that takes its time holds nobody up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from bridge.transcode.recording import Recording, RecordingError, TimelineEvent

MAX_WAITING = 1000
"""Events that wait to be written at most; what comes on top is left out."""


class Notes:
    """Writes events in their order."""

    def __init__(self, recording: Recording, on_failed: Callable[[str], None]) -> None:
        self._recording = recording
        self._on_failed = on_failed
        self._waiting: deque[TimelineEvent] = deque()
        self._writing: asyncio.Task[None] | None = None

    def add(self, event: TimelineEvent) -> None:
        """Has an event written."""
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append(event)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def written(self) -> None:
        """Returns when all that was added is written, or cannot be."""
        if self._writing is not None:
            await self._writing

    async def _write(self) -> None:
        while self._waiting:
            event = self._waiting.popleft()
            try:
                await asyncio.to_thread(self._recording.note, event)
            except RecordingError as error:
                self._waiting.clear()
                self._on_failed(error.code)
