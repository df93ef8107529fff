"""Tokens that let nobody in any more, although they have not expired."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

MAX_BANS = 10_000
"""Of all rooms together. The one that would have ended first goes."""


@dataclass(frozen=True, slots=True)
class Ban:
    """A token that lets nobody in."""

    tenant: str
    token_id: str = field(repr=False)
    until: float
    """When it ends by itself, by the rooms' clock."""

    def moved(self, by: float) -> Ban:
        """The same by a clock that is so many seconds ahead."""
        return replace(self, until=self.until + by)


class Bans:
    """Banned tokens by tenant and id, each until it would have expired by itself."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, str], float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def add(self, ban: Ban, now: float) -> None:
        """Bans a token."""
        self._until[ban.tenant, ban.token_id] = ban.until
        if len(self._until) > MAX_BANS:
            self._until = {key: end for key, end in self._until.items() if end > now}
        if len(self._until) > MAX_BANS:
            del self._until[min(self._until, key=self._until.__getitem__)]

    def holds(self, tenant: str, token_id: str, now: float) -> bool:
        """Whether a token is banned."""
        until = self._until.get((tenant, token_id))
        return until is not None and until > now
