"""Token exchange (RFC 8693): a portal's access token, DPoP-bound or bearer, for a join token."""

from bridge.auth.exchange.access_token import Expected
from bridge.auth.exchange.dpop import ALGORITHMS, ProofChecker
from bridge.auth.exchange.errors import ExchangeError
from bridge.auth.exchange.exchange import JWT, Exchange, Portal, Presented, Scheme
from bridge.auth.exchange.nonces import Nonces
from bridge.auth.exchange.replay import ReplayCache

__all__ = [
    "ALGORITHMS",
    "JWT",
    "Exchange",
    "ExchangeError",
    "Expected",
    "Nonces",
    "Portal",
    "Presented",
    "ProofChecker",
    "ReplayCache",
    "Scheme",
]
