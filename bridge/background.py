"""What runs beside everything else, from a start to a stop."""

from __future__ import annotations

import asyncio


class Background:
    """A task that goes on until it is stopped; what it does is `_run`'s."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins, at once. Needs a running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Goes on no longer; what has begun in a thread is finished there. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _run(self) -> None:
        raise NotImplementedError
