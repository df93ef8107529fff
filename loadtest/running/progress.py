"""How far a run is: one line that is written over, or plain lines where nobody watches a terminal."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TextIO

_WIDTH = 24
_EVERY = 10.0
"""Seconds between lines where there is no terminal."""
_PREPARING = 5.0
"""Seconds that making everybody ready takes, as a guess."""


@dataclass
class Progress:
    """Told by the runner; knows how many runs come after this one."""

    lengths: list[float]
    """Seconds of each run of all."""
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    index: int = -1
    title: str = ""
    _told: float = 0.0
    _doing: str = ""

    def begin(self, title: str) -> None:
        """The next run."""
        self.index += 1
        self.title = title

    def show(self, left: float, doing: str) -> None:
        """`left` are seconds of the call, negative before it begins."""
        length = self.lengths[self.index]
        this = length + _PREPARING if left < 0 else left
        rest = this + sum(length + _PREPARING for length in self.lengths[self.index + 1 :])
        if not self.stream.isatty():
            if doing != self._doing or time.monotonic() - self._told > _EVERY:
                self._told, self._doing = time.monotonic(), doing
                self.stream.write(f"{self._count()}{self.title}: {doing}, {_clock(rest)} left\n")
                self.stream.flush()
            return
        done = 0.0 if left < 0 else 1 - left / length
        bar = "█" * round(done * _WIDTH)
        self.stream.write(f"\r\x1b[K{self._count()}{self.title} {bar:·<{_WIDTH}} {_clock(rest)} left, {doing}")
        self.stream.flush()

    def end(self, text: str) -> None:
        """Puts a line of result in place of the bar."""
        start = "\r\x1b[K" if self.stream.isatty() else ""
        self.stream.write(f"{start}{self._count()}{self.title}: {text}\n")
        self.stream.flush()

    def _count(self) -> str:
        return f"[{self.index + 1}/{len(self.lengths)}] " if len(self.lengths) > 1 else ""


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{rest:02d}"
