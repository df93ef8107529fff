"""How often a receiver is told who is heard: less often over a thin line, of which each telling takes a part.

With the headers of TCP a telling is 160 bytes: five in a second are 2 % of 300 kbit/s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from bridge.sfu.types import AudioLevel

THIN = 600_000
"""Below this estimate in bit/s a line is a thin one."""
INTERVAL = 1.0
"""Seconds between two tellings over a thin line; somebody who begins to speak is told of at once."""


class LevelPace:
    """Passes levels on to `tell`. The newest are never held back for longer than `INTERVAL`."""

    def __init__(self, tell: Callable[[Sequence[AudioLevel]], None]) -> None:
        self._tell = tell
        self._told_at = -INTERVAL
        self._voices: frozenset[int] = frozenset()
        self._newest: Sequence[AudioLevel] = ()
        self._timer: asyncio.TimerHandle | None = None

    def update(self, levels: Sequence[AudioLevel], bitrate: int | None) -> None:
        """Takes in the levels of a moment; `bitrate`: of the line, None while unknown."""
        self._newest = levels
        is_thin = bitrate is not None and bitrate < THIN
        is_new = bool(frozenset(level.producer_id for level in levels if level.voice) - self._voices)
        loop = asyncio.get_running_loop()
        left = self._told_at + INTERVAL - loop.time()
        if not is_thin or is_new or left <= 0:
            self._tell_now()
        elif self._timer is None:
            self._timer = loop.call_later(left, self._tell_now)

    def close(self) -> None:
        """Tells no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell_now(self) -> None:
        self.close()
        self._told_at = asyncio.get_running_loop().time()
        self._voices = frozenset(level.producer_id for level in self._newest if level.voice)
        self._tell(self._newest)
