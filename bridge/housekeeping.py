"""Takes out by the hour what has been kept for as long as the settings say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from bridge.background import Background
from bridge.storage import StorageError, in_thread

_log = logging.getLogger(__name__)

INTERVAL = 3600.0
"""Seconds between two rounds."""


class Housekeeping(Background):
    """Runs each chore in a thread, one after the other, from `start` to `stop`."""

    def __init__(self, chores: Mapping[str, Callable[[], int]], *, interval: float = INTERVAL) -> None:
        """`chores` maps what is taken out, for the log, to what takes it out and gives how many."""
        super().__init__()
        self._chores = dict(chores)
        self._interval = interval

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
