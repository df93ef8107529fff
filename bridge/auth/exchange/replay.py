"""Remembers what has been used once, for as long as it could be used again, within bounds."""

from __future__ import annotations

from collections import OrderedDict


class ReplayCache:
    """A table of keys with the time until which each is remembered. When it is full, nothing new is taken."""

    def __init__(self, max_entries: int = 100_000) -> None:
        self._max = max_entries
        self._until: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    def use(self, key: str, now: float, until: float) -> bool:
        """Whether it was new; it is remembered `until` then. Also False when the table is full: better no than twice.

        Those that come in have lifetimes of one length, so that the oldest entry is the first to end.
        """
        while self._until and next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)
        if key in self._until or len(self._until) >= self._max:
            return False
        self._until[key] = until
        return True
