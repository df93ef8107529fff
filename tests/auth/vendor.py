"""A vendor that signs tokens, and a verifier that knows it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
import pytest

from bridge.auth import ClaimRules, Issuer, JoinClaims, KeySource, StaticKey, TokenError, TokenVerifier

NOW = 1_800_000_000.0
SECRET = b"a secret of the vendor that is long enough"


@dataclass(frozen=True)
class Role:
    grants: frozenset[str]
    enters: str
    may_host: bool = False
    consents: bool = True
    view: str | None = None


ROLES = {
    "fastlege": Role(frozenset({"publish_camera", "subscribe", "host"}), "direct", may_host=True),
    "pasient": Role(frozenset({"publish_camera", "subscribe"}), "lobby"),
}
RULES = ClaimRules(audience="bridge", max_ttl=3600.0, leeway=30.0, roles=ROLES)
CLAIMS: dict[str, Any] = {
    "iss": "vendor",
    "aud": "bridge",
    "room": "time-1",
    "sub": "kari",
    "name": "Kari",
    "role": "pasient",
    "iat": NOW,
    "nbf": NOW,
    "exp": NOW + 600,
    "jti": "1",
}


def verifier(
    *sources: KeySource, now: float = NOW, may_skip_lobby: bool = False, consent_by_vendor: bool = True
) -> TokenVerifier:
    keys = sources or (StaticKey.from_secret(SECRET),)
    issuer = Issuer("vendor", "legevisitt", keys, may_skip_lobby, consent_by_vendor)
    return TokenVerifier([issuer], RULES, clock=lambda: now)


def signed(key: Any = SECRET, algorithm: str = "HS256", kid: str | None = None, **changes: Any) -> str:
    """The usual token, but for the claims given; None leaves a claim out."""
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers=None if kid is None else {"kid": kid})


def verify(token: str, by: TokenVerifier | None = None, *, room: str | None = None) -> JoinClaims:
    return asyncio.run((by or verifier()).verify(token, room=room))


def refused(act: Callable[[], object]) -> TokenError:
    with pytest.raises(TokenError) as caught:
        act()
    return caught.value
