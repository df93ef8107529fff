"""Whether a receiver's line carries the pictures of a room well, each on its own, or better all in one."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.sfu.allocation import ranks
from bridge.sfu.allocation.allocator import UP_MARGIN, lowest_cost
from bridge.sfu.allocation.hysteresis import THIN_SECONDS, Hysteresis
from bridge.sfu.allocation.model import Source

LEAST_PICTURES = 2
"""Of others: a room of three or more. One picture alone is made thinner by itself (`thin_line`)."""
LEAST_BESIDE_SCREEN = 3
"""The same where a screen is among them: text can be read in still pictures of it, and not in a small part of one."""
LEAST_BITRATE = 75_000
"""Bit/s below which a moving picture of its own is hardly one, however small its layer."""
FIRST_SECONDS = 0.45
"""For so long a line has to have less than that for each, and to be seen to carry no more, before they come all in one
in the beginning: no publisher can do anything about it, however little it sends, and the first pictures of all are
seconds of such a line."""
LEAVE_MARGIN = 1.3
"""The line has to carry so many times what the pictures need, before they come on their own again."""


class ViewChooser:
    """The choice for one line, with hysteresis. Pure: the clock is an argument."""

    def __init__(self) -> None:
        self.composed = False
        """What was chosen last."""
        self._begins = True
        """Whether the line never carried them well yet."""
        self._hopeless_since: float | None = None
        self._hysteresis = Hysteresis()

    def update(self, now: float, budget: int | None, videos: Sequence[Source], *, limit_seen: bool = False) -> bool:
        """Whether all in one is better now.

        `budget` is what the line carries beside sound, in bit/s; None while nothing is known of it. `limit_seen`: it
        was seen to carry no more. `now` is in seconds and never goes back.
        """
        screen = any(video.rank == ranks.SCREEN for video in videos)
        if len(videos) < (LEAST_BESIDE_SCREEN if screen else LEAST_PICTURES):
            self.composed = False
            self._hysteresis.reset()
            return False
        if budget is None:
            return self.composed
        need = sum(max(LEAST_BITRATE, lowest_cost(video)) for video in videos)
        better = budget >= need * LEAVE_MARGIN if self.composed else budget < need * UP_MARGIN
        if better is self.composed:
            self._begins = False
        hopeless = self._begins and limit_seen and budget < len(videos) * LEAST_BITRATE
        if not hopeless:
            self._hopeless_since = None
        elif self._hopeless_since is None:
            self._hopeless_since = now
        at_once = self._hopeless_since is not None and now - self._hopeless_since >= FIRST_SECONDS
        if not better:
            self._hysteresis.reset()
        elif self._hysteresis.is_time(now, leaves=self.composed, thin_seconds=0.0 if at_once else THIN_SECONDS):
            self.composed = not self.composed
        return self.composed
