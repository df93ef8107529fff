"""Signatures of Standard Webhooks (standardwebhooks.com), version 1: HMAC-SHA-256 over id, time and body."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass, field

PREFIX = "whsec_"
MIN_SECRET_BYTES, MAX_SECRET_BYTES = 24, 64


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a vendor is told."""

    tenant: str
    url: str = field(repr=False)
    secret: bytes = field(repr=False)


def read_secret(text: str) -> bytes:
    """The key in `whsec_` and Base64. Raises `ValueError` for what is no such text, or not of 24 to 64 bytes."""
    if not text.startswith(PREFIX):
        raise ValueError(f"the secret does not begin with {PREFIX}")
    try:
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError(f"what follows {PREFIX} is not Base64") from None
    if not MIN_SECRET_BYTES <= len(secret) <= MAX_SECRET_BYTES:
        raise ValueError(f"the secret has {len(secret)} bytes, not {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES}")
    return secret


def signature(secret: bytes, message_id: str, timestamp: int, body: str) -> str:
    """What stands in `webhook-signature`. `timestamp` is in seconds since the epoch."""
    digest = hmac.digest(secret, f"{message_id}.{timestamp}.{body}".encode(), "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"
