"""Takes out by the hour what has been kept for as long as the settings say."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping

from bridge.storage import StorageError, in_thread

_log = logging.getLogger(__name__)

INTERVAL = 3600.0
"""Seconds between two rounds."""


class Housekeeping:
    """Runs each chore in a thread, one after the other, from `start` to `stop`."""

    def __init__(self, chores: Mapping[str, Callable[[], int]], *, interval: float = INTERVAL) -> None:
        """`chores` maps what is taken out, for the log, to what takes it out and gives how many."""
        self._chores = dict(chores)
        self._interval = interval
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Looks at once, and then every hour."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Stops looking; what has begun is finished. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        while True:
            for what, chore in self._chores.items():
                try:
                    gone = await in_thread(chore)
                except (OSError, StorageError) as error:
                    _log.error("What is old could not be taken out", extra={"what": what, "error": str(error)})
                    continue
                if gone:
                    _log.info("What is old was taken out", extra={"what": what, "count": gone})
            await asyncio.sleep(self._interval)
