"""Checks proofs of possession (RFC 9449 §4.3) by HelseID's list: asymmetric, bound to request and token, good once."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from bridge.auth.exchange.errors import ExchangeError
from bridge.auth.exchange.nonces import Nonces
from bridge.auth.exchange.replay import ReplayCache
from bridge.auth.oidc.discovery import PublicKey
from bridge.auth.oidc.keys import token_hash
from bridge.auth.oidc.signed import BadTokenError, read_header, same, text, verify

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
MAX_PROOF_LENGTH = 4096
MAX_AGE = 10.0
"""Seconds since `iat`, to which the leeway comes."""
LEEWAY = 5.0
"""Seconds that clocks may differ."""
MIN_RSA_BITS = 2048
PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e")
"""What a public key is made of (RFC 7518 §6); what else a client writes beside it is not looked at."""
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class ProofChecker:
    """Checks proofs of one bridge; each serves once. `now` in seconds since the epoch."""

    def __init__(self, nonces: Nonces, replays: ReplayCache) -> None:
        self._nonces = nonces
        self._replays = replays

    def check(self, proof: str, *, method: str, url: str, token: str, thumbprint: object, now: float) -> None:
        """Holds a proof against the request, the access token and its `cnf.jkt`. Raises `ExchangeError`."""
        try:
            claims = self._check(proof, method=method, url=url, token=token, thumbprint=thumbprint, now=now)
        except BadTokenError as error:
            raise ExchangeError("invalid_dpop_proof", error.why, field=error.field) from None
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not self._nonces.knows(nonce, now):
            raise ExchangeError("use_dpop_nonce", "The proof needs the nonce that this answer brings.", field="nonce")
        # Last, so that a proof that was refused for its nonce leaves nothing behind.
        if not self._replays.use(f"{thumbprint}:{claims['jti']}", now, now + MAX_AGE + 2 * LEEWAY):
            raise ExchangeError("invalid_dpop_proof", "The proof has been used.", field="jti")

    @staticmethod
    def _check(proof: str, *, method: str, url: str, token: str, thumbprint: object, now: float) -> dict[str, Any]:
        if len(proof) > MAX_PROOF_LENGTH:
            raise BadTokenError("DPoP", "The proof is too long.")
        header = read_header(proof)
        if header.get("typ") != "dpop+jwt":
            raise BadTokenError("typ", "The proof is of another type than dpop+jwt.")
        key = _key(header.get("jwk"))
        claims = verify(proof, [key], ALGORITHMS)
        if not isinstance(thumbprint, str) or not same(key.thumbprint(), thumbprint):
            raise BadTokenError("jwk", "The access token is bound to another key.")
        if claims.get("htm") != method:
            raise BadTokenError("htm", "The proof is for another method.")
        if normal(text(claims, "htu", 2048)) != normal(url):
            raise BadTokenError("htu", "The proof is for another address.")
        if not same(text(claims, "ath"), token_hash(token)):
            raise BadTokenError("ath", "The proof is for another access token.")
        text(claims, "jti", 256)
        issued_at = claims.get("iat")
        if isinstance(issued_at, bool) or not isinstance(issued_at, int | float):
            raise BadTokenError("iat", "The claim is missing, or no time in seconds since 1970.")
        if not now - MAX_AGE - LEEWAY <= issued_at <= now + LEEWAY:
            raise BadTokenError("iat", "The proof was not made just now. Do the clocks agree?")
        return claims


def normal(url: str) -> str:
    """An address without query and fragment, in the one form that RFC 3986 §6.2.2 and §6.2.3 give it. "" for none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    if port is not None and port != {"http": 80, "https": 443}.get(parts.scheme):
        host = f"{host}:{port}"
    return urlunsplit((parts.scheme.lower(), host, parts.path or "/", "", ""))


def _key(jwk: object) -> PublicKey:
    if not isinstance(jwk, dict) or not PRIVATE_MEMBERS.isdisjoint(jwk):
        raise BadTokenError("jwk", "The proof has no public key in its header, or a private one.")
    try:
        key = import_key({name: jwk[name] for name in PUBLIC_MEMBERS if name in jwk})
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise BadTokenError("jwk", "The proof's key cannot be read.") from None
    if isinstance(key, RSAKey) and key.raw_value.key_size < MIN_RSA_BITS:
        raise BadTokenError("jwk", f"An RSA key has {MIN_RSA_BITS} bits or more.")
    if not isinstance(key, RSAKey | ECKey | OKPKey):
        raise BadTokenError("jwk", "The proof's key is a shared secret.")
    return key
