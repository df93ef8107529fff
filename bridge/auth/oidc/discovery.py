"""What a provider publishes of itself: its endpoints (OpenID Connect Discovery 1.0, RFC 8414) and keys (RFC 7517)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from bridge.auth.cached import Cached
from bridge.auth.oidc.errors import SignInError, unavailable
from bridge.auth.oidc.http import Http, is_safe

WELL_KNOWN = "/.well-known/openid-configuration"
MAX_KEYS = 64
"""Keys of a set that are looked at."""
MIN_RSA_BITS = 2048

PublicKey = RSAKey | ECKey | OKPKey


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a provider is asked what."""

    authorization: str
    token: str
    jwks: str
    pushed_authorization: str | None
    end_session: str | None
    names_issuer: bool
    """Whether its answers say whose they are (RFC 9207)."""


class Discovery:
    """The endpoints and keys of one issuer, fetched when first needed and kept within bounds."""

    def __init__(
        self, issuer: str, http: Http, *, pushes: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`pushes`: whether it has to take pushed authorization requests."""
        self._issuer = issuer
        self._http = http
        self._pushes = pushes
        self._endpoints = Cached(self._fetch_endpoints, (SignInError,), clock=clock)
        self._keys = Cached(self._fetch_keys, (SignInError,), clock=clock)

    async def endpoints(self) -> Endpoints:
        """Raises `SignInError` (`signin_unavailable`)."""
        endpoints = await self._endpoints.get()
        if endpoints is None:
            raise unavailable("The provider's configuration cannot be fetched, or is not that of its issuer.")
        return endpoints

    async def find(self, kid: object) -> Sequence[PublicKey]:
        """The keys of that `kid`; without one, the only key. An unknown `kid` has the set fetched anew, if that is due.

        Raises `SignInError` (`signin_unavailable`) when there is no set.
        """
        keys = await self._keys.get()
        if keys is None:
            raise unavailable("The provider's keys cannot be fetched.")
        found = _select(keys, kid)
        return found or _select(await self._keys.refresh() or keys, kid)

    async def _fetch_endpoints(self) -> Endpoints:
        answer = await self._http.get(self._issuer.rstrip("/") + WELL_KNOWN)
        return parse_metadata(answer.body, self._issuer, pushes=self._pushes)

    async def _fetch_keys(self) -> list[PublicKey]:
        answer = await self._http.get((await self.endpoints()).jwks)
        return parse_keys(answer.body)


def parse_metadata(document: Mapping[str, Any], issuer: str, *, pushes: bool) -> Endpoints:
    """Reads a provider's metadata. Raises `SignInError` for another issuer's, and endpoints missing or unsafe."""
    if document.get("issuer") != issuer:
        raise unavailable("The configuration is that of another issuer (OpenID Connect Discovery §4.3).")
    return Endpoints(
        authorization=_needed(document, "authorization_endpoint"),
        token=_needed(document, "token_endpoint"),
        jwks=_needed(document, "jwks_uri"),
        pushed_authorization=_needed(document, "pushed_authorization_request_endpoint") if pushes else None,
        end_session=_optional(document, "end_session_endpoint"),
        names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def parse_keys(document: Mapping[str, Any]) -> list[PublicKey]:
    """The public keys of a JWK set that may verify signatures; others are passed over (RFC 7517 §5).

    Raises `SignInError` for what is no JWK set, or holds no such key.
    """
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise unavailable("The provider's key set is no JWK set.")
    keys = [key for entry in entries[:MAX_KEYS] if (key := _public_key(entry)) is not None]
    if not keys:
        raise unavailable("The provider's key set holds no usable key.")
    return keys


def _public_key(entry: object) -> PublicKey | None:
    # A set is public, so a symmetric or private key in it is no secret (any more).
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or "d" in entry:
        return None
    try:
        key = import_key(entry)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if isinstance(key, RSAKey):
        return key if key.raw_value.key_size >= MIN_RSA_BITS else None
    return key if isinstance(key, ECKey | OKPKey) else None


def _select(keys: Sequence[PublicKey], kid: object) -> list[PublicKey]:
    if kid is None:
        return list(keys) if len(keys) == 1 else []
    return [key for key in keys if key.kid == kid]


def _needed(document: Mapping[str, Any], name: str) -> str:
    url = document.get(name)
    if not isinstance(url, str) or not is_safe(url):
        raise unavailable(f"The provider's configuration has no usable {name}.")
    return url


def _optional(document: Mapping[str, Any], name: str) -> str | None:
    return None if document.get(name) is None else _needed(document, name)
