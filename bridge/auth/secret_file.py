"""Secrets that the bridge makes for itself at first start, and keys for single purposes out of one of them."""

from __future__ import annotations

import secrets
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bridge.auth.errors import KeyMaterialError
from bridge.data_directory import create_whole

MIN_SECRET_BYTES = 32


def create_secret(path: Path, prefix: bytes = b"") -> None:
    """Makes the file, unless there is one: see `create_whole`. Raises `OSError`."""
    if path.exists():
        return
    create_whole(path, prefix + secrets.token_urlsafe(48).encode() + b"\n")


def read_secret(path: Path) -> bytes:
    """A secret out of a file. Raises `OSError`, or `KeyMaterialError` if it is short."""
    secret = path.read_bytes().strip()
    if len(secret) < MIN_SECRET_BYTES:
        raise KeyMaterialError(
            f"The secret has {len(secret)} bytes and needs {MIN_SECRET_BYTES}.",
            hint="Make one with: openssl rand -base64 48",
        )
    return secret


def derive(secret: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose (HKDF, RFC 5869): what one of them gives away says nothing of the others."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"bridge/{purpose}".encode()).derive(secret)
