"""Looking at a line now and then, while it decides what is received over it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

LOOK_SECONDS = 0.5
"""Between two looks."""


class LineLook:
    """The looks of one connection."""

    def __init__(self, decides: Callable[[], bool], look: Callable[[], None]) -> None:
        """`decides`: whether the line decides anything now; `look` does."""
        self._decides = decides
        self._look = look
        self._timer: asyncio.TimerHandle | None = None

    def later(self) -> None:
        """Something has changed: has it looked at, as long as the line decides."""
        if self._timer is None and self._decides():
            self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._now)

    def at_once(self) -> None:
        """More is known of the line: the look that is to come comes now."""
        if self._timer is not None:
            self._timer.cancel()
            self._now()

    def cancel(self) -> None:
        """Ends it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _now(self) -> None:
        self._timer = None
        self._look()
        self.later()
