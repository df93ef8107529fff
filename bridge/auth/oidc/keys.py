"""Private keys that sign what we say of ourselves: client assertions (RFC 7523) and proofs of possession (RFC 9449)."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key
from joserfc.jws import JWSRegistry

from bridge.auth.errors import KeyMaterialError

ASSERTION_LIFETIME = 30
"""Seconds. HelseID refuses assertions that live longer than 60."""
MIN_RSA_BITS = 2048

Key = RSAKey | ECKey | OKPKey


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, with the algorithm that it signs by."""

    key: Key = field(repr=False)
    algorithm: str
    kid: str | None = None

    @classmethod
    def load(cls, text: bytes, *, algorithm: str, kid: str | None = None) -> SigningKey:
        """Reads a key, PEM or JWK. Raises `KeyMaterialError` if it is none, no private one, or does not fit."""
        key = _import(text, algorithm)
        if isinstance(key, RSAKey) and key.raw_value.key_size < MIN_RSA_BITS:
            raise KeyMaterialError(f"An RSA key has {MIN_RSA_BITS} bits or more.")
        signing = cls(key, algorithm, kid or key.kid)
        try:
            signing.sign({"typ": "JWT"}, {})
        except (JoseError, ValueError, TypeError) as error:
            raise KeyMaterialError(f"The key does not fit {algorithm}.") from error
        return signing

    @classmethod
    def generate(cls) -> SigningKey:
        """A new key on P-256, which signs in tens of microseconds."""
        return cls(ECKey.generate_key("P-256", auto_kid=False), "ES256")

    @property
    def thumbprint(self) -> str:
        """RFC 7638, SHA-256."""
        return self.key.thumbprint()

    def sign(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        """A JWT. The header's `alg` is added, and `kid` where the key has one and the header no `jwk`."""
        header = {"alg": self.algorithm, **header}
        if self.kid is not None and "jwk" not in header:
            header["kid"] = self.kid
        return jwt.encode(header, claims, self.key, registry=JWSRegistry(algorithms=[self.algorithm]))

    def assertion(self, client_id: str, audience: str, now: float) -> str:
        """Who we are, for this audience and these seconds, once (RFC 7523 §2.2)."""
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now) + ASSERTION_LIFETIME,
            "jti": secrets.token_urlsafe(24),
        }
        return self.sign({"typ": "client-authentication+jwt"}, claims)

    def proof(self, method: str, url: str, now: float, *, nonce: str | None = None, token: str | None = None) -> str:
        """That we hold the key, for one request (RFC 9449 §4.2). `url` without query and fragment."""
        claims: dict[str, Any] = {"jti": secrets.token_urlsafe(24), "htm": method, "htu": url, "iat": int(now)}
        if nonce is not None:
            claims["nonce"] = nonce
        if token is not None:
            claims["ath"] = token_hash(token)
        return self.sign({"typ": "dpop+jwt", "jwk": self.key.as_dict(private=False)}, claims)


def token_hash(token: str) -> str:
    """`ath`: the SHA-256 of an access token in unpadded base64url."""
    return urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


def _import(text: bytes, algorithm: str) -> Key:
    try:
        if text.lstrip().startswith(b"{"):
            key = import_key(json.loads(text))
        elif algorithm[:2] in ("RS", "PS"):
            key = import_key(text, "RSA")
        elif algorithm.startswith("ES"):
            key = import_key(text, "EC")
        else:
            key = import_key(text, "OKP")
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise KeyMaterialError("This is no key in PEM or as a JWK that can be used.") from error
    if not isinstance(key, Key) or not key.is_private:
        raise KeyMaterialError("This is not a private key.")
    return key
