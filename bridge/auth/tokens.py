"""Verifies join tokens: which vendor signed it, whether with its key, and whether what it says is acceptable.

A token may be used more than once while it lives: a reload or a lost network joins again with the one at hand. It can
only ever put the same identity into the same room, where it replaces its older self, so a replay by a thief is noticed
(the rightful participant is put out with reason `replaced`) and ends with the token's short life. `jti` is for the
audit trail, and for hosts to ban a token with whoever came by it; it is not for single use.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.exceptions import InvalidSignatureError, PyJWTError

from bridge.auth.claims import ClaimRules, JoinClaims, check_claims
from bridge.auth.errors import TokenError
from bridge.auth.keys import KeySource, VerificationKey

MAX_TOKEN_LENGTH = 8192
"""Characters. A join token with every claim and an RSA signature has about 900."""

_SIGNATURE_ONLY: Any = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
"""Claims are checked by ours, on an injected clock and with an error that names the claim."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """A vendor: the name its tokens carry in `iss`, its tenant, and where its keys are."""

    name: str
    tenant: str
    keys: Sequence[KeySource]
    may_skip_lobby: bool = False
    """Whether its tokens may let a role in directly that enters by the lobby."""
    consent_by_vendor: bool = True
    """Whether its tokens may say that the vendor's system hands in the consents of their owners."""


class TokenVerifier:
    """Verifies the tokens of a fixed set of issuers."""

    def __init__(self, issuers: Iterable[Issuer], rules: ClaimRules, *, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds since the epoch. Two issuers of one name are a `ValueError`."""
        self._issuers: dict[str, Issuer] = {}
        for issuer in issuers:
            if issuer.name in self._issuers:
                raise ValueError(f"two issuers are called {issuer.name!r}")
            self._issuers[issuer.name] = issuer
        self._rules = rules
        self._clock = clock

    async def verify(self, token: str, *, room: str | None = None) -> JoinClaims:
        """What a token says, if it can be believed. `room` is the one asked for, where the door knows it apart.

        Waits only when the issuer's key set has to be fetched. Raises `TokenError`.
        """
        _, issuer, signed = await self._verified(token)
        claims = check_claims(
            signed,
            tenant=issuer.tenant,
            rules=self._rules,
            now=self._clock(),
            may_skip_lobby=issuer.may_skip_lobby,
            may_hand_in_consents=issuer.consent_by_vendor,
        )
        if room is not None and claims.room != room:
            raise TokenError(
                "token_wrong_room",
                "The token opens another room.",
                field="room",
                hint="Each room needs a token of its own; the claim `room` names it without the vendor's id.",
            )
        return claims

    async def verify_signature(self, token: str) -> tuple[dict[str, Any], str, dict[str, Any]]:
        """Header, tenant and claims of a token that an issuer has signed: what they mean is for the caller to judge.

        Raises `TokenError`.
        """
        header, issuer, claims = await self._verified(token)
        return header, issuer.tenant, claims

    async def _verified(self, token: str) -> tuple[dict[str, Any], Issuer, dict[str, Any]]:
        header, unverified = _take_apart(token)
        issuer = self._issuer(unverified)
        return header, issuer, await self._verify_signature(token, header, issuer)

    def _issuer(self, unverified: Mapping[str, Any]) -> Issuer:
        name = unverified.get("iss")
        if name is None:
            raise TokenError(
                "token_missing_claim",
                "The token has no claim 'iss'.",
                field="iss",
                hint="It names the vendor, as in tokens.issuers of the bridge's settings.",
            )
        issuer = self._issuers.get(name) if isinstance(name, str) else None
        if issuer is None:
            raise TokenError(
                "token_unknown_issuer",
                "This bridge does not know the token's issuer.",
                field="iss",
                hint="The claim is compared character by character with tokens.issuers of the bridge's settings.",
            )
        return issuer

    async def _verify_signature(self, token: str, header: Mapping[str, Any], issuer: Issuer) -> dict[str, Any]:
        """The claims, now known to be the issuer's."""
        kid = header.get("kid")
        candidates = [key for source in issuer.keys for key in await source.find(kid)]
        if not candidates:
            raise TokenError(
                "token_unknown_key",
                "The issuer has no such key here.",
                field="kid",
                hint="A new key has to be in the issuer's key set before tokens are signed with it.",
            )
        fitting = [key for key in candidates if key.algorithm == header.get("alg")]
        if not fitting:
            allowed = sorted({key.algorithm for key in candidates})
            raise TokenError(
                "token_alg_not_allowed",
                "The issuer's key is not for this algorithm.",
                field="alg",
                hint=f"It is for {', '.join(allowed)}.",
            )
        for key in fitting:
            claims = _claims_if_signed(token, key)
            if claims is not None:
                return claims
        raise TokenError(
            "token_bad_signature",
            "The signature does not fit the token.",
            hint="Was it signed with the key that this bridge has of the issuer, and passed on whole?",
        )


def _take_apart(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims as anyone could have written them: to find the key with, and for nothing else."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise TokenError(
            "token_malformed", "The token is too long.", hint=f"It has {MAX_TOKEN_LENGTH} characters at most."
        )
    try:
        parts = jwt.decode_complete(token, options={"verify_signature": False})
    except (PyJWTError, ValueError, RecursionError):
        # What the library says may quote the token.
        raise TokenError(
            "token_malformed", "This is not a signed token.", hint="It is a JWT (RFC 7519): three parts with dots."
        ) from None
    return parts["header"], parts["payload"]


def _claims_if_signed(token: str, key: VerificationKey) -> dict[str, Any] | None:
    try:
        return jwt.decode(token, key.material, algorithms=[key.algorithm], options=_SIGNATURE_ONLY)
    except InvalidSignatureError:
        return None
    except (PyJWTError, ValueError):
        raise TokenError(
            "token_malformed", "The token cannot be read.", hint="Its header asks for what is not supported here."
        ) from None
