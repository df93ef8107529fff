"""Tokens that let nobody in any more, although they have not expired."""

from __future__ import annotations

MAX_BANS = 10_000
"""Of all rooms together. The one that would have ended first goes."""


class Bans:
    """Banned tokens by tenant and id, each until it would have expired by itself."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, str], float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def add(self, tenant: str, token_id: str, until: float, now: float) -> None:
        """Bans a token."""
        self._until[tenant, token_id] = until
        if len(self._until) > MAX_BANS:
            self._until = {key: end for key, end in self._until.items() if end > now}
        if len(self._until) > MAX_BANS:
            del self._until[min(self._until, key=self._until.__getitem__)]

    def holds(self, tenant: str, token_id: str, now: float) -> bool:
        """Whether a token is banned."""
        until = self._until.get((tenant, token_id))
        return until is not None and until > now
