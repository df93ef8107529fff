"""The search for the most that holds: doubling until something breaks, then halving the gap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Found:
    """Where a search ended."""

    held: int
    """The most that held; 0 if nothing did."""
    broke: int | None
    """The least that did not, None if everything did up to the most that was tried."""


def search(holds: Callable[[int], bool], first: int, most: int, tolerance: float) -> Found:
    """Tries numbers from `first` to `most` until what held and what broke lie within `tolerance` (a share) or one."""
    held, broke = 0, None
    number = min(first, most)
    while True:
        if holds(number):
            held = number
        else:
            broke = number
        if broke is None:
            if held == most:
                return Found(held, None)
            number = min(2 * held, most)
        elif broke - held <= max(1, tolerance * held):
            return Found(held, broke)
        else:
            number = (held + broke) // 2
