"""Notes every few seconds that the bridge runs, so that it is known until when, should it be killed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from bridge.records.running_store import RunningStore
from bridge.storage import StorageError, in_thread

INTERVAL = 10.0
"""Seconds between two notes, and so what an interrupted call may lack at most."""


class Pulse:
    """Beats from `start` to `stop`, while there is anything to note it for."""

    def __init__(self, store: RunningStore, busy: Callable[[], bool], *, interval: float = INTERVAL) -> None:
        """`busy` says whether there are rooms."""
        self._store = store
        self._busy = busy
        self._interval = interval
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to beat."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Beats no more. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        while True:
            if self._busy():
                # The audit log tells the operator of a database that is gone.
                with contextlib.suppress(StorageError):
                    await in_thread(self._store.beat, round(time.time() * 1e6))
            await asyncio.sleep(self._interval)
