"""Keyed hashes instead of identities: equal for equal people, and nothing to anyone without the key (GDPR art. 4(5)).

An identity number has about 2^26 possible values, so that an unkeyed hash of it would be the number with one more step.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode


class Pseudonyms:
    """Makes them with one key of 32 bytes or more, which lives as long as invitations do."""

    def __init__(self, key: bytes) -> None:
        if len(key) < 32:
            raise ValueError("the key has less than 32 bytes")
        self._key = key

    def person(self, number: str) -> str:
        """Of a national identity number."""
        return self._hash("person", number.strip())

    def professional(self, number: str) -> str:
        """Of a number in the register of health personnel, with or without zeros in front."""
        return self._hash("professional", number.strip().lstrip("0"))

    def subject(self, issuer: str, subject: str) -> str:
        """Of an issuer's `sub`: another one at each issuer."""
        return self._hash("subject", issuer, subject)

    def answer(self, salt: str, answer: str) -> str:
        """Of an answer to a question; `salt` keeps equal answers of two links apart."""
        return self._hash("answer", salt, " ".join(answer.casefold().split()))

    def code(self, code: str) -> str:
        """Of the secret in a link, or of a cookie."""
        return self._hash("code", code)

    def _hash(self, purpose: str, *parts: str) -> str:
        # Lengths in front, so that no two lists of parts read the same.
        encoded = [each.encode(errors="surrogatepass") for each in (purpose, *parts)]
        message = b"".join(len(part).to_bytes(4, "big") + part for part in encoded)
        return urlsafe_b64encode(hmac.digest(self._key, message, "sha256")).rstrip(b"=").decode()
