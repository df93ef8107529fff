"""The claims of a join token (RFC 7519), and what makes them acceptable once the signature is known to be good."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from bridge.auth.errors import TokenError
from bridge.plain_text import is_plain, shows_something

MAX_ID_LENGTH = 128
"""Characters of `sub`, `room`, `role` and `jti`."""
MAX_NAME_LENGTH = 200
"""Characters of `name`."""
MAX_RENEWAL = 7 * 86_400.0
"""Seconds after `exp` that `renewable_until` may lie at most; what is later counts as that."""
MAX_LEVEL_LENGTH = 64
"""Characters of `level`."""
_FIRST_MILLISECONDS = 1e11
"""What is no time in seconds any more, or one in the year 5138: as milliseconds, it is in 1973."""
ENTRANCES = ("lobby", "direct")
"""What `enters` may say, the narrower one first."""

CONSENT_BY = ("participant", "vendor")
"""What `consent_by` may say: who hands in the answers to questions for consent."""


class Role(Protocol):
    """What tokens of a role are held against; see `bridge.room.Role`."""

    @property
    def grants(self) -> frozenset[str]:
        """What it may do."""

    @property
    def enters(self) -> str:
        """Where its owners find themselves: "lobby" or "direct"."""

    @property
    def may_host(self) -> bool:
        """Whether a host may hand its office over to it."""

    @property
    def consents(self) -> bool:
        """Whether a recording waits for its consent."""

    @property
    def view(self) -> str | None:
        """How it gets the pictures of the others: "separate", "composed" or "auto"; None where it is not said."""


@dataclass(frozen=True, slots=True)
class JoinClaims:
    """What a good token says: one room, one identity, one role, minutes of life."""

    tenant: str
    """The vendor whose key signed it; its rooms are the only ones the token opens."""
    room: str
    identity: str = field(repr=False)
    name: str = field(repr=False)
    """Shown to the others; empty where the token has none."""
    role: str
    grants: frozenset[str]
    """Those of the role, or the fewer that the token lists."""
    enters: str
    """As the role does, or "lobby" where the token says so."""
    level: str
    """How surely they are known, such as `idporten-loa-high`; empty where the token does not say."""
    may_host: bool
    consents: bool
    consent_by_vendor: bool
    """Whether the vendor's system asks them for consent, and hands their answers in."""
    view: str | None
    """As the role does."""
    video_consent: bool
    """Whether the room is to take cameras only after their owners' consent."""
    starts_at: float | None
    """When the appointment begins, in seconds since the epoch; None where the token does not say."""
    ends_at: float | None
    """When it ends."""
    renewable_until: float
    """Seconds since the epoch until which its owner may be given it anew."""
    lifetime: float
    """Seconds that the token, or one given anew in its place, could still be used for when it was verified."""
    expires_at: float
    """Seconds since the epoch. It matters when joining only; a call outlives its token."""
    token_id: str = field(repr=False)
    verified_at: float
    """Seconds since the epoch."""

    @property
    def starts_in(self) -> float | None:
        """Seconds from then until the appointment begins; less than zero after that, None where no time is told."""
        return None if self.starts_at is None else self.starts_at - self.verified_at

    @property
    def ends_in(self) -> float | None:
        """Seconds from then until it ends."""
        return None if self.ends_at is None else self.ends_at - self.verified_at


@dataclass(frozen=True, slots=True)
class ClaimRules:
    """What claims are held against. Durations in seconds."""

    audience: str
    max_ttl: float
    leeway: float
    roles: Mapping[str, Role]
    stay: float = 0.0
    """How long after its end the bridge gives a token anew that does not itself say until when it may be."""


def check_claims(
    claims: Mapping[str, Any],
    *,
    tenant: str,
    rules: ClaimRules,
    now: float,
    may_skip_lobby: bool = False,
    may_hand_in_consents: bool = True,
) -> JoinClaims:
    """Turns verified claims into `JoinClaims`; `now` is in seconds since the epoch. Raises `TokenError`.

    `may_skip_lobby`: whether the issuer may let a role in directly that enters by the lobby. `may_hand_in_consents`:
    whether it may answer for its users when they are asked for consent.
    """
    _check_audience(claims, rules.audience)
    expires_at = _check_times(claims, rules, now)
    role = _text(claims, "role")
    if role not in rules.roles:
        raise TokenError(
            "token_unknown_role",
            "The bridge has no such role.",
            field="role",
            hint=f"Roles here are: {', '.join(sorted(rules.roles))}.",
        )
    rule = rules.roles[role]
    starts_at, ends_at = _appointment(claims)
    renewable_until = _renewable_until(claims, expires_at, rules.stay)
    return JoinClaims(
        tenant=tenant,
        room=_text(claims, "room"),
        identity=_text(claims, "sub"),
        name=_name(claims) if claims.get("name", "") != "" else "",
        role=role,
        grants=_grants(claims, role, rules.roles),
        enters=_enters(claims, rule, may_skip_lobby=may_skip_lobby),
        level=_text(claims, "level", MAX_LEVEL_LENGTH) if "level" in claims else "",
        may_host=rule.may_host,
        consents=rule.consents,
        consent_by_vendor=_consent_by_vendor(claims, allowed=may_hand_in_consents),
        video_consent=_switch(claims, "video_consent"),
        view=rule.view,
        starts_at=starts_at,
        ends_at=ends_at,
        renewable_until=renewable_until,
        lifetime=renewable_until + rules.leeway - now,
        expires_at=expires_at,
        token_id=_text(claims, "jti"),
        verified_at=now,
    )


def _check_audience(claims: Mapping[str, Any], audience: str) -> None:
    value = _require(claims, "aud")
    if value != audience and not (isinstance(value, list) and audience in value):
        raise TokenError(
            "token_wrong_audience",
            "The token is meant for another service.",
            field="aud",
            hint=f"The audience of this bridge is {audience!r}.",
        )


def _check_times(claims: Mapping[str, Any], rules: ClaimRules, now: float) -> float:
    expires_at, issued_at = check_instant(claims, "exp"), check_instant(claims, "iat")
    not_before = check_instant(claims, "nbf") if "nbf" in claims else None
    if now >= expires_at + rules.leeway:
        raise TokenError("token_expired", "The token has expired.", field="exp", hint="Ask for a new one.")
    for name, value in (("nbf", not_before), ("iat", issued_at)):
        if value is not None and value > now + rules.leeway:
            raise TokenError(
                "token_not_yet_valid",
                "The token is not valid yet.",
                field=name,
                hint="Do the clocks of the issuer and the bridge agree?",
            )
    if expires_at - issued_at > rules.max_ttl:
        raise TokenError(
            "token_too_long_lived",
            "The token lives longer than this bridge accepts.",
            field="exp",
            hint=f"exp may lie {rules.max_ttl:.0f} seconds after iat at most.",
        )
    return expires_at


def _appointment(claims: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """When the appointment begins and when it ends, as far as the token says."""
    starts_at, ends_at = (check_instant(claims, name) if name in claims else None for name in ("starts_at", "ends_at"))
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise TokenError(
            "token_bad_claim",
            "The appointment ends before it begins.",
            field="ends_at",
            hint="ends_at lies behind starts_at.",
        )
    return starts_at, ends_at


def _renewable_until(claims: Mapping[str, Any], expires_at: float, stay: float) -> float:
    """Until when the token's `jti` may come again: a ban of it has to last as long."""
    if "renewable_until" not in claims:
        return expires_at + stay
    return min(max(expires_at, check_instant(claims, "renewable_until")), expires_at + MAX_RENEWAL)


def _grants(claims: Mapping[str, Any], role: str, roles: Mapping[str, Role]) -> frozenset[str]:
    if "grants" not in claims:
        return roles[role].grants
    listed = claims["grants"]
    if not isinstance(listed, list):
        raise TokenError(
            "token_bad_claim",
            "The claim is a list of grants.",
            field="grants",
            hint="Leave it out to give all grants of the role.",
        )
    known = frozenset[str]().union(*(each.grants for each in roles.values()))
    for index, grant in enumerate(listed):
        place = f"grants[{index}]"
        if not isinstance(grant, str) or grant not in known:
            hint = f"Grants are: {', '.join(sorted(known))}."
            raise TokenError("token_unknown_grant", "No role of this bridge has such a grant.", field=place, hint=hint)
        if grant not in roles[role].grants:
            hint = "A token may narrow the grants of its role, not widen them."
            raise TokenError("token_grant_not_allowed", "The role does not have this grant.", field=place, hint=hint)
    return frozenset(listed)


def _enters(claims: Mapping[str, Any], rule: Role, *, may_skip_lobby: bool) -> str:
    if "enters" not in claims:
        return rule.enters
    entrance = claims["enters"]
    if entrance not in ENTRANCES:
        raise TokenError(
            "token_bad_claim",
            "The claim names no entrance.",
            field="enters",
            hint='It is "lobby" or "direct"; leave it out to enter as the role does.',
        )
    if entrance == "direct" and rule.enters != "direct" and not may_skip_lobby:
        raise TokenError(
            "token_grant_not_allowed",
            "The role enters by the lobby.",
            field="enters",
            hint="The bridge's operator may allow the issuer to let it in directly: may_skip_lobby.",
        )
    return str(entrance)


def _switch(claims: Mapping[str, Any], name: str) -> bool:
    value = claims.get(name, False)
    if not isinstance(value, bool):
        raise TokenError(
            "token_bad_claim", "The claim is neither true nor false.", field=name, hint="Leave it out for false."
        )
    return value


def _consent_by_vendor(claims: Mapping[str, Any], *, allowed: bool) -> bool:
    value = claims.get("consent_by", "participant")
    if value not in CONSENT_BY:
        raise TokenError(
            "token_bad_claim",
            "The claim names nobody who could be asked for consent.",
            field="consent_by",
            hint='It is "vendor", or "participant", as it is when left out.',
        )
    if value == "vendor" and not allowed:
        raise TokenError(
            "token_grant_not_allowed",
            "The issuer may not hand in the consents of its users.",
            field="consent_by",
            hint="The bridge's operator has it so: consent_by_vendor = false. Leave the claim out.",
        )
    return bool(value == "vendor")


def _require(claims: Mapping[str, Any], name: str) -> Any:
    if name not in claims:
        raise TokenError(
            "token_missing_claim",
            f"The token has no claim {name!r}.",
            field=name,
            hint="A join token has iss, aud, room, sub, role, exp, iat and jti.",
        )
    return claims[name]


def _name(claims: Mapping[str, Any]) -> str:
    """Without the white space around it; a name of which nobody would see anything is none, as an empty one is."""
    name = _text(claims, "name", MAX_NAME_LENGTH, joiners=True).strip()
    return name if shows_something(name) else ""


def _text(claims: Mapping[str, Any], name: str, limit: int = MAX_ID_LENGTH, *, joiners: bool = False) -> str:
    value = _require(claims, name)
    if not isinstance(value, str) or not 1 <= len(value) <= limit:
        raise TokenError(
            "token_bad_claim",
            "The claim is not a string, is empty, or is too long.",
            field=name,
            hint=f"It has 1 to {limit} characters.",
        )
    if not is_plain(value, joiners=joiners):
        raise TokenError(
            "token_bad_claim",
            "The claim holds control characters.",
            field=name,
            hint="Take out line ends, tabs, and characters that change the direction of writing.",
        )
    return value


def check_instant(claims: Mapping[str, Any], name: str) -> float:
    """A claim that is a time, in seconds since the epoch. Raises `TokenError`."""
    value = _require(claims, name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_instant(value):
        raise _no_instant(name, "The claim is not a time.")
    if value >= _FIRST_MILLISECONDS:
        raise _no_instant(name, "The claim is in milliseconds, it seems.")
    return float(value)


def _no_instant(name: str, message: str) -> TokenError:
    return TokenError(
        "token_bad_claim",
        message,
        field=name,
        hint="It is a number of seconds since 1970-01-01 (RFC 7519 §2, NumericDate).",
    )


def _is_instant(value: float) -> bool:
    # Compared as what it is: an enormous integer could not even be turned into a float.
    return 0 <= value < 2**53 and math.isfinite(value)
