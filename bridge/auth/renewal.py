"""Fresh join tokens for those in a call: what they came by lives minutes, and a call outlives it.

Who reloads a page, wakes a machine, or finds the bridge started anew joins with the newest one, instead of being left
outside a consultation that goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from bridge.auth.claims import JoinClaims, Role
from bridge.auth.keys import StaticKey
from bridge.auth.minting import mint
from bridge.auth.tokens import Issuer


class Renewal:
    """Signs, in the bridge's own name, what it has found in a token that an issuer signed."""

    def __init__(
        self,
        secret: bytes,
        audience: str,
        ttl: float,
        roles: Mapping[str, Role],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`ttl` in seconds; `clock` gives seconds since the epoch."""
        self._secret = secret
        self._audience = audience
        self._ttl = ttl
        self._roles = roles
        self._clock = clock

    @property
    def interval(self) -> float:
        """Seconds after which the next one is due, so that the newest always lives for as long again."""
        return self._ttl / 2

    @staticmethod
    def issuer_of(tenant: str) -> str:
        """The `iss` of fresh tokens that open that tenant's rooms."""
        return f"urn:bridge:renewal:{tenant}"

    def issuers(self, tenants: Iterable[str]) -> list[Issuer]:
        """For the verifier to know. What the first issuer was not allowed to say never gets into a fresh token."""
        key = StaticKey.from_secret(self._secret)
        return [Issuer(self.issuer_of(tenant), tenant, (key,), may_skip_lobby=True) for tenant in tenants]

    def renew(self, claims: JoinClaims) -> str | None:
        """The same token with a later end, which lies at `claims.renewable_until` at most; None once that is over.

        It has the same `jti`, so that whom a host removed is kept out with it.
        """
        now = self._clock()
        ttl = min(self._ttl, claims.renewable_until - now)
        if ttl < 1.0:
            return None
        role = self._roles[claims.role]
        return mint(
            self._secret,
            issuer=self.issuer_of(claims.tenant),
            audience=self._audience,
            room=claims.room,
            identity=claims.identity,
            role=claims.role,
            issued_at=now,
            ttl=ttl,
            name=claims.name or None,
            # What is the role's own stays the role's own, whatever an operator makes of it.
            grants=None if claims.grants == role.grants else claims.grants,
            enters=None if claims.enters == role.enters else claims.enters,
            level=claims.level or None,
            token_id=claims.token_id,
            renewable_until=claims.renewable_until,
            video_consent=claims.video_consent,
            consent_by="vendor" if claims.consent_by_vendor else None,
            starts_at=claims.starts_at,
            ends_at=claims.ends_at,
        )
