"""Deadlines that all lie the same delay ahead of when they were set, so that they fall due in the order of setting."""

from __future__ import annotations


class Deadlines:
    """A queue of keys that each fall due `delay` seconds after `start`. Every operation takes constant time.

    `now` is expected never to go back; where it does, a key may fall due late by as much as it went back.
    """

    def __init__(self, delay: float) -> None:
        self._delay = delay
        # Insertion order is order of falling due.
        self._due: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, key: str) -> bool:
        return key in self._due

    def start(self, key: str, now: float) -> None:
        """Sets the deadline of `key`, anew if it had one."""
        self._due.pop(key, None)
        self._due[key] = now + self._delay

    def cancel(self, key: str) -> None:
        """Forgets the deadline of `key`, if it has one."""
        self._due.pop(key, None)

    def next(self) -> float | None:
        """When the first key falls due."""
        return next(iter(self._due.values()), None)

    def pop_due(self, now: float) -> str | None:
        """Takes the first key that is due, if one is."""
        key = next(iter(self._due), None)
        if key is None or self._due[key] > now:
            return None
        del self._due[key]
        return key
