"""Signs join tokens as a vendor's server does: the bridge itself for those who sign in, and by its development key."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

import jwt


def mint(
    secret: bytes,
    *,
    issuer: str,
    audience: str,
    room: str,
    identity: str,
    role: str,
    issued_at: float,
    ttl: float,
    name: str | None = None,
    grants: Iterable[str] | None = None,
    enters: str | None = None,
    level: str | None = None,
    token_id: str | None = None,
    renewable_until: float | None = None,
    video_consent: bool = False,
    consent_by: str | None = None,
    starts_at: float | None = None,
    ends_at: float | None = None,
) -> str:
    """A token signed by HS256. `issued_at` is in seconds since the epoch, `ttl` in seconds.

    Whoever may have the same token anew until a later time (seconds since the epoch) has it with the same `token_id`,
    so that it is banned as one; otherwise it is random.
    """
    claims: dict[str, object] = {
        "iss": issuer,
        "aud": audience,
        "room": room,
        "sub": identity,
        "role": role,
        "iat": int(issued_at),
        "nbf": int(issued_at),
        "exp": int(issued_at + ttl),
        "jti": token_id or secrets.token_urlsafe(12),
    }
    if video_consent:
        claims["video_consent"] = True
    if consent_by is not None:
        claims["consent_by"] = consent_by
    if name is not None:
        claims["name"] = name
    if renewable_until is not None:
        claims["renewable_until"] = int(renewable_until)
    if enters is not None:
        claims["enters"] = enters
    if level is not None:
        claims["level"] = level
    if starts_at is not None:
        claims["starts_at"] = starts_at
    if ends_at is not None:
        claims["ends_at"] = ends_at
    if grants is not None:
        claims["grants"] = sorted(set(grants))
    return jwt.encode(claims, secret, algorithm="HS256")
