"""How late a process of the load test is itself: what it measures is no better than that."""

from __future__ import annotations

import asyncio

_EVERY = 0.01
"""Seconds between two looks."""


class Lateness:
    """Seconds by which the running loop woke too late, from `start` on."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def start(self) -> None:
        """Begins; to be called on the event loop."""
        self._wait(asyncio.get_running_loop())

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        # Timers of uvloop are of a millisecond, counted from the beginning of the turn.
        due = loop.time() + _EVERY
        loop.call_at(due, self._look, loop, due)

    def _look(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self.seconds.append(max(0.0, loop.time() - due))
        self._wait(loop)
