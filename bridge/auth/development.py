"""The development key: lets someone who has just cloned the bridge make tokens, and nobody in production."""

from __future__ import annotations

from pathlib import Path

from bridge.auth.errors import KeyMaterialError
from bridge.auth.keys import DEVELOPMENT_PREFIX, StaticKey
from bridge.auth.secret_file import create_secret
from bridge.auth.tokens import Issuer

DEVELOPMENT_ISSUER = "dev"
"""Both the `iss` and the tenant of tokens that the development key signs."""
KEY_FILE = "development.key"


def development_secret(data: Path, *, create: bool) -> bytes:
    """The secret kept in the data directory, made at first if `create`. Raises `OSError` or `KeyMaterialError`."""
    path = data / KEY_FILE
    if create:
        data.mkdir(parents=True, exist_ok=True)
        create_secret(path, DEVELOPMENT_PREFIX)
    secret = path.read_bytes().strip()
    if not secret.startswith(DEVELOPMENT_PREFIX):
        raise KeyMaterialError(f"{path} holds no development key.", hint="Remove it: a new one is made at start.")
    return secret


def development_issuer(data: Path) -> Issuer:
    """The issuer that a development bridge knows besides those of its configuration."""
    secret = development_secret(data, create=True)
    return Issuer(
        DEVELOPMENT_ISSUER, DEVELOPMENT_ISSUER, (StaticKey.from_secret(secret, development=True),), may_skip_lobby=True
    )
