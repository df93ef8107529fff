"""Whose resource it is: that of the bearer token (RFC 6750) that a WHIP or WHEP client made it with."""

from __future__ import annotations

import hashlib
import hmac

from bridge.errors import BridgeError
from bridge.signaling.calls import JoinClaims, TokenVerifier


class Owner:
    """Who made a resource, and may change and delete it: the bearer of the same token, or of a newer one alike."""

    def __init__(self, claims: JoinClaims, token: str) -> None:
        self._who = (claims.tenant, claims.room, claims.identity)
        # The token itself is not kept: it is a key to the room as long as it lives.
        self._digest = hashlib.sha256(token.encode()).digest()

    async def check(self, token: str, verifier: TokenVerifier) -> None:
        """Raises `BridgeError`: as the verifier, or `not_granted`.

        The very token that made the resource is good for it even when it has expired since: calls outlive tokens, and
        their clients must be able to hang up.
        """
        if hmac.compare_digest(hashlib.sha256(token.encode()).digest(), self._digest):
            return
        claims = await verifier.verify(token)
        if (claims.tenant, claims.room, claims.identity) != self._who:
            raise BridgeError("not_granted", "The resource belongs to someone else.", field="Authorization")
