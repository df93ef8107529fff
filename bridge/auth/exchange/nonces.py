"""Nonces for proofs of possession (RFC 9449 §8), which take no table: each is the keyed hash of a stretch of time."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode

STRETCH = 60.0
"""Seconds. A nonce is good for the stretch that it was given in and the next one."""


class Nonces:
    """Makes and knows them. Several nodes with one key know each other's. `now` in seconds since the epoch."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def current(self, now: float) -> str:
        """The one to give out."""
        return self._of(int(now // STRETCH))

    def knows(self, nonce: str, now: float) -> bool:
        """Whether it was given out lately."""
        stretch = int(now // STRETCH)
        given = nonce.encode(errors="surrogatepass")
        return any(hmac.compare_digest(given, self._of(each).encode()) for each in (stretch, stretch - 1))

    def _of(self, stretch: int) -> str:
        digest = hmac.digest(self._key, stretch.to_bytes(8, "big", signed=True), "sha256")
        return urlsafe_b64encode(digest[:18]).decode()
