"""How often one and the same participant may join: often enough for any reload, too seldom to wear the bridge out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from bridge.errors import BridgeError
from bridge.signaling.calls.ports import JoinClaims
from bridge.signaling.rate_limit import RateLimit

JOINS_PER_SECOND = 1.0
JOIN_BURST = 30
"""Joins accepted at once after a pause: a client may open several connections, and people press reload."""
MAX_REMEMBERED = 10_000
"""Participants whose joins are counted. Past it whoever joined longest ago is forgotten, and may start over."""


class JoinRate:
    """Counts joins by participant."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` is in seconds and never goes back."""
        self._clock = clock
        self._limits: OrderedDict[tuple[str, str, str], RateLimit] = OrderedDict()

    def __len__(self) -> int:
        return len(self._limits)

    def count(self, claims: JoinClaims) -> None:
        """Counts a join. Raises `BridgeError` (`rate_limited`)."""
        who = (claims.tenant, claims.room, claims.identity)
        limit = self._limits.get(who)
        if limit is None:
            if len(self._limits) >= MAX_REMEMBERED:
                self._limits.popitem(last=False)
            limit = self._limits[who] = RateLimit(JOINS_PER_SECOND, JOIN_BURST, self._clock)
        self._limits.move_to_end(who)
        if not limit.take():
            raise BridgeError("rate_limited", "This participant joins too often.", hint="Try again in a moment.")
