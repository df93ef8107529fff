"""Keys that verify tokens. Each is fixed to one algorithm, so that a token's header never chooses how it is checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, get_args

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from bridge.auth.errors import KeyMaterialError

Algorithm = Literal["HS256", "RS256", "ES256", "EdDSA"]
ALGORITHMS: tuple[Algorithm, ...] = get_args(Algorithm)
MIN_SECRET_BYTES = 32
"""RFC 7518 §3.2: a key at least as long as the hash."""
MIN_RSA_BITS = 2048
"""RFC 7518 §3.3."""
MAX_KEYS_IN_SET = 64
"""Keys of a JWK set that are looked at."""
DEVELOPMENT_PREFIX = b"bridge-development-"
"""Marks a secret that was made for trying the bridge out, wherever it may be copied to."""

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """Key material with the one algorithm it serves, and the `kid` by which tokens name it."""

    algorithm: Algorithm
    material: bytes | PublicKey = field(repr=False)
    kid: str | None = None


class KeySource(Protocol):
    """Where an issuer's keys come from."""

    async def find(self, kid: str | None) -> Sequence[VerificationKey]:
        """Keys that a token with this `kid` may have been signed with: none, one or a few.

        Raises `TokenError` (`token_keys_unavailable`) when that cannot be known.
        """
        ...


@dataclass(frozen=True, slots=True)
class StaticKey:
    """A key that the configuration holds."""

    key: VerificationKey

    async def find(self, kid: str | None) -> Sequence[VerificationKey]:
        """The key, unless both it and the token have a `kid` and they differ."""
        return (self.key,) if kid is None or self.key.kid in (None, kid) else ()

    @classmethod
    def from_secret(cls, secret: bytes, kid: str | None = None, *, development: bool = False) -> StaticKey:
        """A shared secret for HS256. Raises `KeyMaterialError` if it is short, or a development key in earnest."""
        if len(secret) < MIN_SECRET_BYTES:
            raise KeyMaterialError(
                f"The secret has {len(secret)} bytes and needs {MIN_SECRET_BYTES}.",
                hint="Make one with: openssl rand -base64 48",
            )
        if secret.startswith(DEVELOPMENT_PREFIX) and not development:
            raise KeyMaterialError(
                "This is a development key.", hint="Agree on a new secret with the vendor; this one lies about."
            )
        return cls(VerificationKey("HS256", secret, kid))

    @classmethod
    def from_pem(cls, pem: bytes, algorithm: Algorithm, kid: str | None = None) -> StaticKey:
        """A public key (PEM, SubjectPublicKeyInfo). Raises `KeyMaterialError` if it does not fit the algorithm."""
        if b"PRIVATE KEY" in pem:
            raise KeyMaterialError(
                "This is a private key, which belongs to the issuer alone.",
                hint="Give the public one: openssl pkey -in key.pem -pubout",
            )
        try:
            key = load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyMaterialError("This is not a public key in PEM.") from error
        return cls(VerificationKey(algorithm, _fitting(key, algorithm), kid))


def parse_jwk_set(document: object, algorithm: Algorithm) -> list[VerificationKey]:
    """The keys of a JWK set (RFC 7517) that serve `algorithm`; others are passed over, as §5 asks.

    Raises `KeyMaterialError` if it is no JWK set, or holds no such key.
    """
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise KeyMaterialError("This is not a JWK set.")
    keys = [key for entry in entries[:MAX_KEYS_IN_SET] if (key := _from_jwk(entry, algorithm)) is not None]
    if not keys:
        raise KeyMaterialError(f"The JWK set holds no usable key for {algorithm}.")
    return keys


def _from_jwk(entry: Any, algorithm: Algorithm) -> VerificationKey | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or entry.get("alg", algorithm) != algorithm:
        return None
    kid = entry.get("kid")
    # A set is public, so a symmetric or private key in it is no secret (any more).
    if entry.get("kty") == "oct" or "d" in entry or not isinstance(kid, str | None):
        return None
    try:
        return VerificationKey(algorithm, _fitting(PyJWK(entry, algorithm).key, algorithm), kid)
    except (PyJWTError, KeyMaterialError):
        return None


def _fitting(key: object, algorithm: Algorithm) -> PublicKey:
    match algorithm, key:
        case "RS256", RSAPublicKey() if key.key_size >= MIN_RSA_BITS:
            return key
        case "ES256", EllipticCurvePublicKey() if isinstance(key.curve, SECP256R1):
            return key
        case "EdDSA", Ed25519PublicKey():
            return key
    raise KeyMaterialError(
        f"The key does not fit {algorithm}.",
        hint=f"RS256 takes RSA of {MIN_RSA_BITS} bits or more, ES256 takes P-256, EdDSA takes Ed25519.",
    )
