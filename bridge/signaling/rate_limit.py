"""A token bucket: so many requests on average, so many at once after a pause."""

from __future__ import annotations

from collections.abc import Callable


class RateLimit:
    """Time comes from `clock` in seconds and never goes back."""

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._clock = clock
        self._level = float(burst)
        self._at = clock()

    def take(self, cost: float = 1.0) -> bool:
        """Whether one more, or one that counts as `cost`, is within the limit; if so it is counted."""
        now = self._clock()
        self._level = min(self._burst, self._level + (now - self._at) * self._per_second)
        self._at = now
        if self._level < cost:
            return False
        self._level -= cost
        return True
