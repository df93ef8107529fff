"""Validates a portal's access token (RFC 9068) by HelseID's list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bridge.auth.exchange.errors import ExchangeError
from bridge.auth.oidc.discovery import Discovery
from bridge.auth.oidc.provider import Provider
from bridge.auth.oidc.signed import BadTokenError, check_times, read_header, verify
from bridge.auth.oidc.signed_in import SignedIn, who_is
from bridge.auth.pseudonyms import Pseudonyms

LEEWAY = 5.0
"""Seconds that clocks may differ."""
TYPES = frozenset({"at+jwt", "application/at+jwt"})


@dataclass(frozen=True, slots=True)
class Expected:
    """What a portal's tokens have to be."""

    audience: str
    scopes: frozenset[str]
    """One of them has to be among the token's."""


async def check_access_token(
    token: str, *, provider: Provider, discovery: Discovery, expected: Expected, now: float, pseudonyms: Pseudonyms
) -> tuple[SignedIn, object]:
    """Of whom an access token speaks, and the thumbprint of the key that it is bound to (None if to none).

    `now` in seconds since the epoch. Raises `ExchangeError`, or `SignInError` when the issuer's keys cannot be had.
    """
    try:
        header = read_header(token)
        kind = header.get("typ")
        if not isinstance(kind, str) or kind.lower() not in TYPES:
            raise BadTokenError("typ", "This is no access token: its type is not at+jwt.")
        claims = verify(token, await discovery.find(header.get("kid")), provider.algorithms)
        check_claims(claims, issuer=provider.issuer, expected=expected, now=now)
        who = who_is(claims, provider, pseudonyms)
    except BadTokenError as error:
        raise ExchangeError("invalid_request", error.why, field=f"subject_token.{error.field}") from None
    confirmation = claims.get("cnf")
    return who, confirmation.get("jkt") if isinstance(confirmation, dict) else None


def check_claims(claims: dict[str, Any], *, issuer: str, expected: Expected, now: float) -> None:
    """Issuer, audience, times and scope. Raises `BadTokenError`."""
    if claims.get("iss") != issuer:
        raise BadTokenError("iss", "The token is another issuer's.")
    if claims.get("aud") not in (expected.audience, [expected.audience]):
        raise BadTokenError("aud", "The token is meant for another service, or for several.")
    check_times(claims, now, LEEWAY)
    scope = claims.get("scope")
    given = scope.split() if isinstance(scope, str) else scope if isinstance(scope, list) else []
    if expected.scopes.isdisjoint(each for each in given if isinstance(each, str)):
        raise BadTokenError("scope", "The token has none of the scopes that let into a room.")
