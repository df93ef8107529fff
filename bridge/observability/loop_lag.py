"""How late the event loop runs what is due: the control plane's own pulse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

INTERVAL = 0.25
"""Seconds between two looks."""


class LoopLag:
    """Measures the lag of the running event loop, four times a second, until it is stopped."""

    def __init__(self, observe: Callable[[float], None], interval: float = INTERVAL) -> None:
        """`observe` is given each lag in seconds."""
        self._observe = observe
        self._interval = interval
        self._handle: asyncio.TimerHandle | None = None
        self._due = 0.0

    def start(self) -> None:
        """Begins; to be called on the event loop."""
        self._schedule(asyncio.get_running_loop())

    def stop(self) -> None:
        """Ends. Idempotent."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + self._interval
        self._handle = loop.call_at(self._due, self._wake, loop)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        self._observe(max(0.0, loop.time() - self._due))
        self._schedule(loop)
