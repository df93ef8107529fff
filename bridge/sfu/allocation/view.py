"""Whether a receiver's line carries the pictures of a room well, each on its own, or better all in one."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.sfu.allocation import ranks
from bridge.sfu.allocation.allocator import UP_MARGIN, lowest_cost
from bridge.sfu.allocation.model import Source

LEAST_PICTURES = 2
"""Of others: a room of three or more. One picture alone is made thinner by itself (`thin_line`)."""
LEAST_BESIDE_SCREEN = 3
"""The same where a screen is among them: text can be read in still pictures of it, and not in a small part of one."""
LEAST_BITRATE = 75_000
"""Bit/s below which a moving picture of its own is hardly one, however small its layer."""
THIN_SECONDS = 3.0
"""For so long the line has to be too thin."""
LEAVE_MARGIN = 1.3
"""It has to carry so many times what the pictures need …"""
MIN_HOLD = 10.0
"""… for so long, before they come on their own again, …"""
MAX_HOLD = 120.0
"""… doubled up to this each time that they had to be composed again within the seconds of `SOON`."""
SOON = 60.0


class ViewChooser:
    """The choice for one line, with hysteresis. Pure: the clock is an argument."""

    def __init__(self) -> None:
        self.composed = False
        """What was chosen last."""
        self._since: float | None = None
        """Since when the other one would be better."""
        self._left: float | None = None
        self._hold = MIN_HOLD

    def update(self, now: float, budget: int | None, videos: Sequence[Source]) -> bool:
        """Whether all in one is better now.

        `budget` is what the line carries beside sound, in bit/s; None while nothing is known of it. `now` is in seconds
        and never goes back.
        """
        screen = any(video.rank == ranks.SCREEN for video in videos)
        if len(videos) < (LEAST_BESIDE_SCREEN if screen else LEAST_PICTURES):
            self.composed, self._since = False, None
            return False
        if budget is None:
            return self.composed
        need = sum(max(LEAST_BITRATE, lowest_cost(video)) for video in videos)
        better = budget >= need * LEAVE_MARGIN if self.composed else budget < need * UP_MARGIN
        if not better:
            self._since = None
        elif self._since is None:
            self._since = now
        if self._since is not None and now - self._since >= (self._hold if self.composed else THIN_SECONDS):
            self._change(now)
        return self.composed

    def _change(self, now: float) -> None:
        self.composed, self._since = not self.composed, None
        if not self.composed:
            self._left = now
        elif self._left is not None:
            again_soon = now - self._left < SOON
            self._hold = min(self._hold * 2, MAX_HOLD) if again_soon else MIN_HOLD
