"""Which pictures a receiver better gets made thinner by a leg: those whose lowest layer its line does not carry.

Most publishers send what the best line takes (`ceiling`). Some cannot be told, such as old clients that send one size,
and some send one size for others, whose lines are better.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bridge.sfu.allocation.allocator import OVERHEAD, UP_MARGIN, lowest_cost
from bridge.sfu.allocation.hysteresis import THIN_SECONDS, UNHEEDED_SECONDS, Hysteresis
from bridge.sfu.allocation.model import Source
from bridge.sfu.allocation.sharing import MIN_BITRATE

LEAVE_MARGIN = UP_MARGIN
"""The line has to carry so many times what all pictures take as they are sent, before they come so again."""
RETRY_SECONDS = 30.0
"""After which a leg is asked for again that could not be had."""
LEAST = round(MIN_BITRATE * OVERHEAD)
"""What a picture that a leg makes takes at least, in bit/s."""


class ThinLine:
    """The choice for one line, with hysteresis. Pure: the clock is an argument, in seconds, and never goes back."""

    def __init__(self) -> None:
        self._hysteresis = Hysteresis()
        self._retry = 0.0

    def update(
        self,
        now: float,
        budget: int | None,
        videos: Sequence[Source],
        *,
        thinned: Collection[int],
        starved: Collection[int],
    ) -> frozenset[int]:
        """Those that are to be made by a leg, by their id.

        `budget` is what the line carries beside sound, in bit/s; None while nothing is known of it. `videos` are as
        they are sent, with what their layers take; `thinned` those that a leg makes now, and `starved` those that stand
        still.
        """
        now_made = frozenset(thinned)
        known = [video for video in videos if video.layers]
        better = now_made if budget is None or not known else _better(budget, known, now_made, starved)
        if better == now_made or (better > now_made and now < self._retry):
            self._hysteresis.reset()
            return now_made
        may_follow = any(video.heeds for video in known if video.producer_id in better - now_made)
        thin_seconds = THIN_SECONDS if may_follow else UNHEEDED_SECONDS
        is_time = self._hysteresis.is_time(now, leaves=not better, thin_seconds=thin_seconds)
        return better if is_time else now_made

    def refuse(self, now: float) -> None:
        """There is no leg to be had."""
        self._retry = now + RETRY_SECONDS


def _better(budget: int, videos: Sequence[Source], thinned: frozenset[int], starved: Collection[int]) -> frozenset[int]:
    """What would be best for this line as it is now."""
    costs = {video.producer_id: lowest_cost(video) for video in videos}
    if sum(costs.values()) * LEAVE_MARGIN <= budget:
        return frozenset()
    share = budget / len(costs)
    if share < LEAST or not any(each in starved for each in costs):
        return thinned
    heavy = frozenset(each for each, cost in costs.items() if cost * UP_MARGIN > share)
    return thinned | (heavy or frozenset(each for each in costs if each in starved))
