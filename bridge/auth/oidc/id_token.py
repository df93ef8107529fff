"""Validates ID tokens (OpenID Connect Core 1.0 §3.1.3.7)."""

from __future__ import annotations

from typing import Any

from bridge.auth.oidc.discovery import Discovery
from bridge.auth.oidc.errors import SignInError
from bridge.auth.oidc.provider import Provider
from bridge.auth.oidc.signed import BadTokenError, check_times, read_header, verify
from bridge.auth.oidc.signed_in import SignedIn, who_is
from bridge.auth.pseudonyms import Pseudonyms

LEEWAY = 5.0
"""Seconds that clocks may differ."""
MAX_AGE = 600.0
"""Seconds since `iat`: an ID token that comes from the token endpoint has just been made."""


async def check_id_token(
    token: str, *, provider: Provider, discovery: Discovery, nonce: str, now: float, pseudonyms: Pseudonyms
) -> SignedIn:
    """Who an ID token speaks of. `now` in seconds since the epoch. Raises `SignInError`."""
    try:
        keys = await discovery.find(read_header(token).get("kid"))
        claims = verify(token, keys, provider.algorithms)
        check_claims(claims, provider=provider, nonce=nonce, now=now)
        return who_is(claims, provider, pseudonyms)
    except BadTokenError as error:
        raise SignInError("signin_bad_id_token", error.why, field=error.field) from None


def check_claims(claims: dict[str, Any], *, provider: Provider, nonce: str, now: float) -> None:
    """Issuer, audience, times and nonce. Raises `BadTokenError`."""
    if claims.get("iss") != provider.issuer:
        raise BadTokenError("iss", "The ID token is another issuer's.")
    audience = claims.get("aud")
    # A second audience could use the token too, so one that has several is not taken even where OpenID would.
    if audience not in (provider.client_id, [provider.client_id]):
        raise BadTokenError("aud", "The ID token is meant for another client, or for several.")
    if claims.get("azp", provider.client_id) != provider.client_id:
        raise BadTokenError("azp", "The ID token was given to another client.")
    if claims.get("nonce") != nonce:
        raise BadTokenError("nonce", "The ID token belongs to another sign-in.")
    check_times(claims, now, LEEWAY, max_age=MAX_AGE)
