"""Who has signed in, as far as the bridge keeps it: no identity number, no token, no subject in clear."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bridge.auth.levels import Level
from bridge.auth.oidc.provider import HPR_NUMBER, Provider
from bridge.auth.oidc.signed import text
from bridge.auth.pseudonyms import Pseudonyms
from bridge.plain_text import is_plain

MAX_NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person at a provider."""

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
    sid: str | None = field(default=None, repr=False)
    """The provider's session, by which it signs people out."""
    matched: frozenset[tuple[str, str]] = frozenset()
    """Claims and those of their values that the provider's settings watch for."""


def who_is(claims: dict[str, Any], provider: Provider, pseudonyms: Pseudonyms) -> SignedIn:
    """Of whom verified claims speak. Raises `BadTokenError`."""
    person, professional, name = provider.person_of(claims), claims.get(HPR_NUMBER), claims.get("name")
    return SignedIn(
        provider=provider.id,
        issuer=provider.issuer,
        subject=pseudonyms.subject(provider.issuer, text(claims, "sub", 255)),
        person=None if person is None else pseudonyms.person(person),
        professional=pseudonyms.professional(professional) if isinstance(professional, str) else None,
        level=provider.level_of(claims),
        name=name if isinstance(name, str) and len(name) <= MAX_NAME_LENGTH and is_plain(name, joiners=True) else "",
        sid=text(claims, "sid") if "sid" in claims else None,
        matched=provider.matched_in(claims),
    )
