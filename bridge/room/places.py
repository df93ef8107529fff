"""Places of those who left and may come back: in the queue, or in the room."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

MAX_KEPT = 200
"""Places that a room keeps. The oldest goes."""


@dataclass(frozen=True, slots=True)
class Place:
    """What someone who left comes back to. Times are by the rooms' clock."""

    rank: int
    """In the queue."""
    admitted_until: float
    """Until when they need not be let in anew; a time in the past where they do."""
    held_back: bool
    """A host sent them back, and has to let them in whatever their token says."""
    until: float
    tokens: Mapping[str, float] = field(default_factory=dict, repr=False)
    """Ids of the tokens that they came by, and until when these live: they are banned together."""


class Places:
    """The kept places of one room, by identity."""

    def __init__(self) -> None:
        self._by_identity: dict[str, Place] = {}

    def keep(self, identity: str, place: Place) -> None:
        """Keeps the place of someone who left."""
        self._by_identity.pop(identity, None)
        self._by_identity[identity] = place
        if len(self._by_identity) > MAX_KEPT:
            del self._by_identity[next(iter(self._by_identity))]

    def take(self, identity: str) -> None:
        """Whom a place was kept for is back."""
        self._by_identity.pop(identity, None)

    def find(self, identity: str, now: float) -> Place | None:
        """The place that is kept for somebody, if it still is."""
        place = self._by_identity.get(identity)
        return place if place is not None and place.until > now else None

    def items(self, now: float) -> Iterator[tuple[str, Place]]:
        """All that are still kept, by identity."""
        return ((identity, place) for identity, place in self._by_identity.items() if place.until > now)

    def close_room(self) -> None:
        """From now on whoever comes back has to be let in anew: the next one may be with the doctor."""
        self._by_identity = {
            identity: replace(place, admitted_until=0.0) for identity, place in self._by_identity.items()
        }
