"""Places of those who left and may come back: in the queue, or in the room."""

from __future__ import annotations

from dataclasses import dataclass, replace

MAX_KEPT = 200
"""Places that a room keeps. The oldest goes."""


@dataclass(frozen=True, slots=True)
class Place:
    """What someone who left comes back to."""

    rank: int
    """In the queue."""
    admitted: bool
    held_back: bool
    """A host sent them back, and has to let them in whatever their token says."""
    until: float


class Places:
    """The kept places of one room, by identity."""

    def __init__(self, keep_for: float) -> None:
        """`keep_for` in seconds."""
        self._keep_for = keep_for
        self._by_identity: dict[str, Place] = {}

    def keep(self, identity: str, rank: int, *, admitted: bool, held_back: bool, now: float) -> None:
        """Keeps the place of someone who left."""
        self._by_identity.pop(identity, None)
        self._by_identity[identity] = Place(rank, admitted, held_back, now + self._keep_for)
        if len(self._by_identity) > MAX_KEPT:
            del self._by_identity[next(iter(self._by_identity))]

    def take(self, identity: str, now: float) -> Place | None:
        """Gives a place back to whom it was kept for, if it still is."""
        place = self._by_identity.pop(identity, None)
        return place if place is not None and place.until > now else None

    def find(self, identity: str, now: float) -> Place | None:
        """The place as it is kept, which it still is afterwards."""
        place = self._by_identity.get(identity)
        return place if place is not None and place.until > now else None

    def close_room(self) -> None:
        """From now on whoever comes back has to be let in anew: the next one may be with the doctor."""
        self._by_identity = {identity: replace(place, admitted=False) for identity, place in self._by_identity.items()}
