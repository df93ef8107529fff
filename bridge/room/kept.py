"""What outlives a bridge that is killed: who has which place in a room, and what its hosts have decided.

Nothing of what was said, sent or consented to is in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bridge.room.places import Place


@dataclass(frozen=True, slots=True)
class KeptPlace:
    """Somebody's place, in the queue or in the room. Times are by the rooms' clock."""

    identity: str = field(repr=False)
    rank: int
    """In the queue: the least is next."""
    until: float | None
    """Until when it is kept for someone who left; None for someone who is there."""
    admitted_until: float | None
    """Until when they need not be let in anew; None for someone who is in the room because a host let them in."""
    held_back: bool = False
    by_queue: str | None = None
    """Id of the queue that they were taken from, whose name their token has."""
    tokens: dict[str, float] = field(default_factory=dict, repr=False)
    """Ids of the tokens that they came by, and until when these live."""

    def moved(self, by: float) -> KeptPlace:
        """The same by a clock that is so many seconds ahead."""
        return replace(
            self,
            until=None if self.until is None else self.until + by,
            admitted_until=None if self.admitted_until is None else self.admitted_until + by,
            tokens={token: until + by for token, until in self.tokens.items()},
        )

    def left(self, now: float, reentry: float) -> KeptPlace:
        """The same once its owner has been cut off, which is no leaving: they have `reentry` seconds to come back."""
        return replace(
            self,
            until=now + reentry if self.until is None else self.until,
            admitted_until=now + reentry if self.admitted_until is None else self.admitted_until,
        )

    def place(self) -> Place:
        """For the room; it has been `left`."""
        if self.until is None or self.admitted_until is None:
            raise ValueError("somebody who is there has no place kept")
        return Place(self.rank, self.admitted_until, self.held_back, self.until, self.tokens)


@dataclass(frozen=True, slots=True)
class KeptRoom:
    """A room, without anything of which only those who were in it may know."""

    id: str
    tenant: str
    locked: bool = False
    video_consent: bool = False
    """Whether it takes cameras after their owners' consent only. The consents are not kept."""
    closes_at: float | None = None
    """When it has been open for as long as a room may be; None for a queue."""
    handed: frozenset[str] = field(default=frozenset(), repr=False)
    """Identities that a host has handed its office over to."""
    invited: frozenset[str] = frozenset()
    """Ids of the links that were made in it."""
    places: tuple[KeptPlace, ...] = ()

    def moved(self, by: float) -> KeptRoom:
        """The same by a clock that is so many seconds ahead."""
        closes_at = None if self.closes_at is None else self.closes_at + by
        return replace(self, closes_at=closes_at, places=tuple(place.moved(by) for place in self.places))

    def distrusted(self) -> KeptRoom:
        """The same without what opens doors: later decisions of its hosts may be missing here."""
        places = tuple(replace(place, admitted_until=0.0) for place in self.places)
        return replace(self, handed=frozenset(), places=places)
