"""Deadlines at any time, one for each key. For those that all lie the same delay ahead see `Deadlines`."""

from __future__ import annotations

import heapq


class Alarms:
    """A queue of keys that fall due at times of their own. Setting one costs the logarithm of their number."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        # Holds what was set before, too: it is passed over when it comes to the top.
        self._heap: list[tuple[float, str]] = []

    def set(self, key: str, at: float) -> None:
        """Sets the time of `key`, anew if it had one."""
        self._at[key] = at
        heapq.heappush(self._heap, (at, key))
        if len(self._heap) > 2 * len(self._at) + 64:
            self._heap = [(at, key) for key, at in self._at.items()]
            heapq.heapify(self._heap)

    def cancel(self, key: str) -> None:
        """Forgets the time of `key`, if it has one."""
        self._at.pop(key, None)

    def next(self) -> float | None:
        """When the first key falls due."""
        while self._heap and self._at.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> str | None:
        """Takes the first key that is due, if one is."""
        at = self.next()
        if at is None or at > now:
            return None
        key = heapq.heappop(self._heap)[1]
        del self._at[key]
        return key
