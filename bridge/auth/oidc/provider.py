"""A provider of identities as the operator wrote it down, and what is particular to its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bridge.auth.levels import ACR_OF_ID_PORTEN, ASSURANCE_LEVELS, SECURITY_LEVELS_OF_HELSEID, Level
from bridge.auth.oidc.keys import SigningKey

Kind = Literal["id-porten", "helseid", "oidc"]

IDENTITY = "helseid://claims/identity"
SECURITY_LEVEL = f"{IDENTITY}/security_level"
ASSURANCE_LEVEL = f"{IDENTITY}/assurance_level"
HELSEID_PID = f"{IDENTITY}/pid"
HPR_NUMBER = "helseid://claims/hpr/hpr_number"

DEFAULT_SCOPES: Mapping[Kind, tuple[str, ...]] = {
    "id-porten": ("openid", "profile"),
    "helseid": (
        "openid",
        "profile",
        "helseid://scopes/identity/pid",
        "helseid://scopes/identity/security_level",
        "helseid://scopes/identity/assurance_level",
        "helseid://scopes/hpr/hpr_number",
    ),
    "oidc": ("openid", "profile"),
}


@dataclass(frozen=True, slots=True)
class Provider:
    """One entry of `signin.providers`."""

    id: str
    """Its segment in our paths."""
    kind: Kind
    title: str
    issuer: str
    """Compared character by character, with its slash at the end or without."""
    client_id: str
    key: SigningKey | None = field(default=None, repr=False)
    """Signs client assertions (private_key_jwt)."""
    secret: str | None = field(default=None, repr=False)
    """Where there is no key: for client_secret_basic."""
    roles: frozenset[str] = frozenset()
    """Whom it is offered to; everyone where there is none."""
    scopes: tuple[str, ...] = ()
    acr_values: tuple[str, ...] = ()
    """What to ask for whatever level is needed; by kind and level where there is none."""
    acr_levels: Mapping[str, Level] = field(default_factory=dict)
    """For the kind "oidc": what an `acr` is worth. One that is not in it is worth nothing."""
    algorithms: tuple[str, ...] = ("RS256", "PS256", "ES256")
    """Those that its ID tokens may be signed with."""
    watched: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Values of claims that are of interest beyond who somebody is; nothing else of a token is kept."""

    @property
    def pushes(self) -> bool:
        """Whether authorization requests have to go by the back channel (RFC 9126)."""
        return self.kind == "helseid"

    @property
    def proves_possession(self) -> bool:
        """Whether its tokens are bound to a key of ours (RFC 9449)."""
        return self.kind == "helseid"

    @property
    def requested_scopes(self) -> tuple[str, ...]:
        """What is asked for."""
        return self.scopes or DEFAULT_SCOPES[self.kind]

    @property
    def highest(self) -> Level:
        """The highest level that it can tell."""
        return max(self.acr_levels.values(), default=Level.NONE) if self.kind == "oidc" else Level.HIGH

    def offered_to(self, role: str, needed: Level) -> bool:
        """Whether it is of use to somebody in that role who has to be known so surely."""
        return (not self.roles or role in self.roles) and self.highest >= needed

    @staticmethod
    def offered(providers: Sequence[Provider], role: str, needed: Level) -> list[Provider]:
        """Those of use to somebody. All where none is: whoever has to sign in is not left without a way on."""
        return [each for each in providers if each.offered_to(role, needed)] or list(providers)

    def acr_values_for(self, level: Level) -> tuple[str, ...]:
        """The `acr_values` to ask for, the wanted one first; none where the provider has no such thing."""
        if self.acr_values:
            return self.acr_values
        match self.kind:
            case "id-porten":
                return ("idporten-loa-high",) if level > Level.SUBSTANTIAL else ("idporten-loa-substantial",)
            case "helseid":
                return ("Level4",) if level > Level.SUBSTANTIAL else ("Level3",)
            case "oidc":
                return tuple(
                    acr for acr, at in sorted(self.acr_levels.items(), key=lambda each: each[1]) if at >= level
                )

    def level_of(self, claims: Mapping[str, Any]) -> Level:
        """What a sign-in is worth. An unknown word is worth nothing."""
        if self.kind == "helseid":
            return _level_of_helseid(claims)
        known = ACR_OF_ID_PORTEN if self.kind == "id-porten" else self.acr_levels
        return _look_up(known, claims.get("acr"))

    def matched_in(self, claims: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
        """Which watched values there are: a claim is a text, or a list that holds it."""
        return frozenset(
            (claim, value)
            for claim, wanted in self.watched.items()
            for value in wanted
            if (held := claims.get(claim)) == value or (isinstance(held, list) and value in held)
        )

    def person_of(self, claims: Mapping[str, Any]) -> str | None:
        """The national identity number, which whoever gets it turns into a keyed hash at once."""
        value = claims.get(HELSEID_PID if self.kind == "helseid" else "pid")
        return value if isinstance(value, str) and value else None


def _level_of_helseid(claims: Mapping[str, Any]) -> Level:
    """The lower of the two, where both are told: the security level is of the login, assurance of the enrolment."""
    level = _look_up(SECURITY_LEVELS_OF_HELSEID, claims.get(SECURITY_LEVEL))
    if ASSURANCE_LEVEL not in claims:
        return level
    return min(level, _look_up(ASSURANCE_LEVELS, claims[ASSURANCE_LEVEL]))


def _look_up(known: Mapping[str, Level], value: object) -> Level:
    return known.get(value, Level.NONE) if isinstance(value, str) else Level.NONE
