"""Vendors' servers speak for themselves by a short token, signed with the key of their join tokens (RFC 7523 §3).

It has a type and an audience of its own, so that a join token, which persons hold, can never stand in for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bridge.auth.claims import check_instant
from bridge.auth.errors import TokenError
from bridge.auth.tokens import TokenVerifier

VENDOR_TYPE = "bridge-vendor+jwt"
MAX_LIFETIME = 300.0
"""Seconds from `iat` to `exp`."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """Whose server it is."""

    tenant: str
    scopes: frozenset[str]
    """What the token opens besides rooms: the words of its claim `scope` (RFC 8693, section 4.2)."""


@dataclass(frozen=True, slots=True)
class VendorAuthenticator:
    """Knows which vendor a request is from."""

    verifier: TokenVerifier
    audience: str
    leeway: float
    clock: Callable[[], float] = time.time

    async def authenticate(self, token: str) -> str:
        """The tenant of the vendor. Raises `TokenError`."""
        return (await self.identify(token)).tenant

    async def identify(self, token: str) -> Vendor:
        """The vendor. Raises `TokenError`."""
        header, tenant, claims = await self.verifier.verify_signature(token)
        if header.get("typ") != VENDOR_TYPE:
            raise TokenError(
                "token_wrong_type",
                "This is no token of a vendor's server.",
                field="typ",
                hint=f"It is {VENDOR_TYPE!r}.",
            )
        if claims.get("aud") != f"{self.audience}/vendor":
            raise TokenError(
                "token_wrong_audience",
                "The token is meant for something else.",
                field="aud",
                hint=f"It is {self.audience + '/vendor'!r}.",
            )
        now = self.clock()
        expires_at, issued_at = check_instant(claims, "exp"), check_instant(claims, "iat")
        if now >= expires_at + self.leeway:
            raise TokenError("token_expired", "The token has expired.", field="exp", hint="Sign a new one.")
        if issued_at > now + self.leeway:
            raise TokenError(
                "token_not_yet_valid", "The token is not valid yet.", field="iat", hint="Do the clocks agree?"
            )
        if expires_at - issued_at > MAX_LIFETIME:
            raise TokenError(
                "token_too_long_lived",
                "The token lives too long.",
                field="exp",
                hint=f"exp lies {MAX_LIFETIME:.0f} seconds after iat at most.",
            )
        scope = claims.get("scope", "")
        if not isinstance(scope, str):
            raise TokenError("token_bad_scope", "The scope is no text.", field="scope", hint='Such as "recordings".')
        return Vendor(tenant, frozenset(scope.split()))
