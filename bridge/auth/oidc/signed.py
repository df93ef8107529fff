"""Verifies what others have signed: the algorithm is one of our list and the key the issuer's, never the token's."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode
from collections.abc import Collection, Sequence
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from bridge.auth.oidc.discovery import PublicKey

MAX_TOKEN_LENGTH = 16 * 1024


class BadTokenError(Exception):
    """A token that does not hold. `field` names the header or claim; `why` is a sentence that quotes nothing of it."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(field, why)
        self.field = field
        self.why = why


def read_header(token: str) -> dict[str, Any]:
    """The header as anyone could have written it: to find the key with, and no more. Raises `BadTokenError`."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise BadTokenError("token", "The token is too long.")
    first, dot, _ = token.partition(".")
    try:
        header = json.loads(urlsafe_b64decode(first + "=" * (-len(first) % 4))) if dot else None
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise BadTokenError("token", "This is no signed token.")
    return header


def verify(token: str, keys: Sequence[PublicKey], algorithms: Collection[str]) -> dict[str, Any]:
    """The claims, if one of the keys signed them by one of the algorithms. Raises `BadTokenError`."""
    header = read_header(token)
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise BadTokenError("alg", "The algorithm is not one of those agreed on.")
    if not keys:
        raise BadTokenError("kid", "The issuer has no such key.")
    registry = JWSRegistry(algorithms=[algorithm])
    for key in keys:
        try:
            return jwt.decode(token, key, registry=registry).claims
        except (JoseError, ValueError, TypeError, RecursionError):
            continue
    raise BadTokenError("signature", "The signature does not fit.")


def check_times(claims: dict[str, Any], now: float, leeway: float, *, max_age: float | None = None) -> None:
    """Holds `exp`, `iat` and `nbf` (the last if there) against the clock, in seconds. Raises `BadTokenError`."""
    expires_at, issued_at = _instant(claims, "exp"), _instant(claims, "iat")
    if now >= expires_at + leeway:
        raise BadTokenError("exp", "It has expired.")
    if issued_at > now + leeway:
        raise BadTokenError("iat", "It was issued in the future. Do the clocks agree?")
    if "nbf" in claims and _instant(claims, "nbf") > now + leeway:
        raise BadTokenError("nbf", "It is not valid yet. Do the clocks agree?")
    if max_age is not None and now > issued_at + max_age + leeway:
        raise BadTokenError("iat", "It was issued too long ago.")


def text(claims: dict[str, Any], name: str, limit: int = 512) -> str:
    """A claim that is a text. Raises `BadTokenError`."""
    value = claims.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= limit:
        raise BadTokenError(name, f"The claim is missing, or no text of 1 to {limit} characters.")
    return value


def same(one: str, other: str) -> bool:
    """Whether two texts are equal, in a time that does not tell how far. JSON may hold what is no Unicode."""
    return hmac.compare_digest(one.encode(errors="surrogatepass"), other.encode(errors="surrogatepass"))


def _instant(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        raise BadTokenError(name, "The claim is missing, or no time in seconds since 1970.")
    return float(value)
