"""Who may join what: verifies signed join tokens against the keys of the vendors that this bridge serves."""

from bridge.auth.claims import ClaimRules, JoinClaims
from bridge.auth.development import DEVELOPMENT_ISSUER, development_issuer, development_secret
from bridge.auth.errors import KeyMaterialError, TokenError
from bridge.auth.jwks import JwksFile, JwksUrl
from bridge.auth.keys import ALGORITHMS, Algorithm, KeySource, StaticKey
from bridge.auth.minting import mint
from bridge.auth.tokens import Issuer, TokenVerifier

__all__ = [
    "ALGORITHMS",
    "DEVELOPMENT_ISSUER",
    "Algorithm",
    "ClaimRules",
    "Issuer",
    "JoinClaims",
    "JwksFile",
    "JwksUrl",
    "KeyMaterialError",
    "KeySource",
    "StaticKey",
    "TokenError",
    "TokenVerifier",
    "development_issuer",
    "development_secret",
    "mint",
]
