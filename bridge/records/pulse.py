"""Notes every few seconds that the bridge runs, so that it is known until when, should it be killed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from bridge.background import Background
from bridge.records.running_store import RunningStore
from bridge.storage import StorageError, in_thread

INTERVAL = 10.0
"""Seconds between two notes, and so what an interrupted call may lack at most."""


class Pulse(Background):
    """Beats from `start` to `stop`, while there is anything to note it for."""

    def __init__(self, store: RunningStore, busy: Callable[[], bool], *, interval: float = INTERVAL) -> None:
        """`busy` says whether there are rooms."""
        super().__init__()
        self._store = store
        self._busy = busy
        self._interval = interval

    async def _run(self) -> None:
        while True:
            if self._busy():
                # The audit log tells the operator of a database that is gone.
                with contextlib.suppress(StorageError):
                    await in_thread(self._store.beat, round(time.time() * 1e6))
            await asyncio.sleep(self._interval)
