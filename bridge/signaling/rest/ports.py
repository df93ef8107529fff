"""What the REST API needs of others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol


class Caller(Protocol):
    """Who asks."""

    @property
    def tenant(self) -> str:
        """Whose rooms are seen."""

    @property
    def actor(self) -> str:
        """Who it is to the audit log."""


class Authenticator(Protocol):
    """Knows callers."""

    async def authenticate(self, token: str) -> Caller:
        """Who shows `token`. Raises `BridgeError`, with a code that begins with `token_`."""


class TokenMinter(Protocol):
    """Signs join tokens in the bridge's own name."""

    async def mint_join_token(
        self,
        tenant: str,
        room: str,
        *,
        identity: str,
        role: str,
        ttl: float,
        name: str | None,
        grants: Collection[str] | None,
        enters: str | None,
        level: str | None,
    ) -> tuple[str, float]:
        """A token, and when it ends (seconds since the epoch). Raises `BridgeError` for one that would not let in."""


class Auditor(Protocol):
    """Takes down what callers do."""

    async def record(
        self, kind: str, *, tenant: str, room: str, actor: str, identity: str | None, details: Mapping[str, str]
    ) -> None:
        """Returns when it is on disk. Raises `BridgeError` (`audit_unavailable`)."""
