"""OpenID Connect: the bridge as a relying party of ID-porten, HelseID and others of their kind."""

from bridge.auth.oidc.errors import SignInError
from bridge.auth.oidc.http import Answer, Http, HttpClient, is_safe
from bridge.auth.oidc.keys import SigningKey
from bridge.auth.oidc.provider import Kind, Provider
from bridge.auth.oidc.relying_party import PendingSignIn, RelyingParty, level_too_low, unknown_state
from bridge.auth.oidc.signed_in import SignedIn

__all__ = [
    "Answer",
    "Http",
    "HttpClient",
    "Kind",
    "PendingSignIn",
    "Provider",
    "RelyingParty",
    "SignInError",
    "SignedIn",
    "SigningKey",
    "is_safe",
    "level_too_low",
    "unknown_state",
]
