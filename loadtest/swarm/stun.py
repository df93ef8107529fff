"""Connectivity checks (RFC 8489, RFC 8445), written by hand: at hundreds of peers a general library costs too much."""

from __future__ import annotations

import hmac
import secrets
import struct
import zlib

_MAGIC_COOKIE = 0x2112A442
_BINDING_REQUEST = 0x0001
_USERNAME, _MESSAGE_INTEGRITY, _PRIORITY, _USE_CANDIDATE = 0x0006, 0x0008, 0x0024, 0x0025
_FINGERPRINT, _ICE_CONTROLLING = 0x8028, 0x802A
_FINGERPRINT_XOR = 0x5354554E
_INTEGRITY_LENGTH, _FINGERPRINT_LENGTH = 24, 8

_HOST_PRIORITY = 1862270975
"""Of a peer-reflexive candidate on the first component (RFC 8445, section 7.1.1)."""


def binding_request(username: str, password: bytes) -> bytes:
    """A check that nominates, from the controlling agent. `username` is "theirs:ours", `password` theirs."""
    name = username.encode()
    attributes = (
        struct.pack("!HH", _USERNAME, len(name))
        + name
        + bytes(-len(name) % 4)
        + struct.pack("!HHI", _PRIORITY, 4, _HOST_PRIORITY)
        + struct.pack("!HHQ", _ICE_CONTROLLING, 8, 1)
        + struct.pack("!HH", _USE_CANDIDATE, 0)
    )
    transaction = secrets.token_bytes(12)
    # Each of the two checksums covers a header whose length already counts it (RFC 8489, sections 14.5 and 14.7).
    message = _header(len(attributes) + _INTEGRITY_LENGTH, transaction) + attributes
    digest = hmac.digest(password, message, "sha1")
    attributes += struct.pack("!HH", _MESSAGE_INTEGRITY, len(digest)) + digest
    message = _header(len(attributes) + _FINGERPRINT_LENGTH, transaction) + attributes
    return message + struct.pack("!HHI", _FINGERPRINT, 4, zlib.crc32(message) ^ _FINGERPRINT_XOR)


def _header(length: int, transaction: bytes) -> bytes:
    return struct.pack("!HHI", _BINDING_REQUEST, length, _MAGIC_COOKIE) + transaction
