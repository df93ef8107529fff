"""Validates ID tokens (OpenID Connect Core 1.0 §3.1.3.7), and takes out of them what the bridge keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bridge.auth.levels import Level
from bridge.auth.oidc.discovery import Discovery
from bridge.auth.oidc.errors import SignInError
from bridge.auth.oidc.provider import HPR_NUMBER, Provider
from bridge.auth.oidc.signed import BadTokenError, check_times, read_header, text, verify
from bridge.auth.pseudonyms import Pseudonyms

LEEWAY = 5.0
"""Seconds that clocks may differ."""
MAX_AGE = 600.0
"""Seconds since `iat`: an ID token that comes from the token endpoint has just been made."""
MAX_NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who has signed in, as far as the bridge keeps it: no identity number, no token, no subject in clear."""

    provider: str
    issuer: str
    subject: str = field(repr=False)
    """Pseudonym of the issuer's `sub`."""
    person: str | None = field(repr=False)
    """Pseudonym of the national identity number, to match invitations with; None where the provider told none."""
    professional: str | None = field(repr=False)
    """Pseudonym of the number in the register of health personnel (HPR)."""
    level: Level
    name: str = field(repr=False)
    """As the provider tells it; empty where it does not (ID-porten)."""
    sid: str | None = field(repr=False)
    """The provider's session, by which it signs people out."""


async def check_id_token(
    token: str, *, provider: Provider, discovery: Discovery, nonce: str, now: float, pseudonyms: Pseudonyms
) -> SignedIn:
    """Who an ID token speaks of. `now` in seconds since the epoch. Raises `SignInError`."""
    try:
        keys = await discovery.find(read_header(token).get("kid"))
        claims = verify(token, keys, provider.algorithms)
        check_claims(claims, provider=provider, nonce=nonce, now=now)
        subject = text(claims, "sub", 255)
        sid = text(claims, "sid") if "sid" in claims else None
    except BadTokenError as error:
        raise SignInError("signin_bad_id_token", error.why, field=error.field) from None
    person, professional = provider.person_of(claims), claims.get(HPR_NUMBER)
    name = claims.get("name")
    return SignedIn(
        provider=provider.id,
        issuer=provider.issuer,
        subject=pseudonyms.subject(provider.issuer, subject),
        person=None if person is None else pseudonyms.person(person),
        professional=pseudonyms.professional(professional) if isinstance(professional, str) else None,
        level=provider.level_of(claims),
        name=name if isinstance(name, str) and 1 <= len(name) <= MAX_NAME_LENGTH and name.isprintable() else "",
        sid=sid,
    )


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
