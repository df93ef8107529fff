"""The way of one participant: one link after the other, some of them shared with others, with what went each way."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from loadtest.emulator.running import RunningLink


@dataclass(slots=True)
class Traffic:
    """What one participant handed in and what got through, in one direction; sizes with IP and transport headers."""

    offered: int = 0
    offered_bytes: int = 0
    delivered: int = 0
    delivered_bytes: int = 0

    def count(self, size: int, arrive: Callable[[], None]) -> Callable[[], None]:
        """Counts a packet that is handed in, and again when it arrives."""
        self.offered += 1
        self.offered_bytes += size

        def arrived() -> None:
            self.delivered += 1
            self.delivered_bytes += size
            arrive()

        return arrived

    def as_dict(self) -> dict[str, int]:
        """For JSON."""
        return {
            "offered": self.offered,
            "offered_bytes": self.offered_bytes,
            "delivered": self.delivered,
            "delivered_bytes": self.delivered_bytes,
        }


@dataclass
class Path:
    """`links` from the participant outwards. Without any, and until some are put, everything arrives at once."""

    links: Sequence[RunningLink] = ()
    going_down: Traffic = field(default_factory=Traffic)
    going_up: Traffic = field(default_factory=Traffic)

    def down(self, size: int, arrive: Callable[[], None]) -> None:
        """Carries a packet of `size` bytes towards the participant."""
        arrive = self.going_down.count(size, arrive)
        for link in self.links:
            arrive = functools.partial(link.down, size, arrive)
        arrive()

    def up(self, size: int, arrive: Callable[[], None]) -> None:
        """Carries a packet away from the participant."""
        arrive = self.going_up.count(size, arrive)
        for link in reversed(self.links):
            arrive = functools.partial(link.up, size, arrive)
        arrive()
