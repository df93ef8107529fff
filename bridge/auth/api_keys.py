"""API keys: what a vendor's server or a script shows instead of a token that it signs.

A key is `bk_`, its id and 32 random bytes. Of the latter the bridge keeps a SHA-256 only: guessing them is hopeless
without a slow hash, which is there for what people choose. The file may change under a running bridge, which
reads it anew at the next request.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from bridge.auth.errors import TokenError
from bridge.errors import BridgeError

KEY_FILE = "api-keys.json"
"""In the data directory; made when the first key is."""
LOCK_FILE = "api-keys.lock"
MAX_KEYS = 1000

_PREFIX = "bk_"
_KEY = re.compile(r"bk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


class ApiKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept of a key."""

    id: str
    tenant: str
    digest: str
    """SHA-256 of the secret part, in hexadecimal."""
    created_at: int
    """Seconds since the epoch."""


class ApiKeyFile:
    """The keys of a data directory. Its methods raise `BridgeError` (`api_keys_unusable`) for a file that is broken."""

    def __init__(self, data: Path) -> None:
        self._path = data / KEY_FILE
        self._lock = data / LOCK_FILE
        self._seen: tuple[int, int, int] | None = None
        self._keys: dict[str, ApiKey] = {}

    def all(self) -> list[ApiKey]:
        """All of them, oldest first."""
        self._read()
        return list(self._keys.values())

    def create(self, tenant: str, *, clock: Callable[[], float] = time.time) -> str:
        """A new key, which is told this once. Raises `BridgeError` (`too_many_api_keys`) or `OSError`."""
        key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        record = ApiKey(key_id, tenant, _digest(secret), int(clock()))

        def add(keys: dict[str, ApiKey]) -> None:
            if len(keys) >= MAX_KEYS:
                raise BridgeError(
                    "too_many_api_keys", f"There are {MAX_KEYS} keys.", hint="Revoke those that nobody uses."
                )
            keys[key_id] = record

        self._change(add)
        return f"{_PREFIX}{key_id}_{secret}"

    def revoke(self, key_id: str) -> ApiKey:
        """Makes a key worthless from the next request on. Raises `BridgeError` (`api_key_not_found`) or `OSError`."""
        gone: list[ApiKey] = []

        def remove(keys: dict[str, ApiKey]) -> None:
            if key_id not in keys:
                raise BridgeError("api_key_not_found", "There is no such key.", hint="`bridge apikey list` shows ids.")
            gone.append(keys.pop(key_id))

        self._change(remove)
        return gone[0]

    def find(self, key_id: str) -> ApiKey | None:
        """What is kept of this key."""
        self._read()
        return self._keys.get(key_id)

    def _change(self, change: Callable[[dict[str, ApiKey]], None]) -> None:
        """Replaces the file whole; commands that run at the same time wait for each other."""
        lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._seen = None
            self._read()
            changed = dict(self._keys)
            change(changed)
            self._write(changed)
        finally:
            os.close(lock)

    def _write(self, keys: dict[str, ApiKey]) -> None:
        draft = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(list(keys.values()))) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        finally:
            draft.unlink(missing_ok=True)

    def _read(self) -> None:
        try:
            status = self._path.stat()
            seen = (status.st_ino, status.st_mtime_ns, status.st_size)
            if seen == self._seen:
                return
            keys = msgspec.json.decode(self._path.read_bytes(), type=list[ApiKey])
        except FileNotFoundError:
            self._keys, self._seen = {}, None
            return
        except (OSError, msgspec.DecodeError):
            # Told to whoever asked; what is wrong with the file is for the operator's eyes, who has it.
            raise BridgeError("api_keys_unusable", f"The file {KEY_FILE} cannot be read.") from None
        self._keys, self._seen = {key.id: key for key in keys}, seen


class Authenticator(Protocol):
    """Knows which vendor a bearer token is from."""

    async def authenticate(self, token: str) -> str:
        """The tenant. Raises `BridgeError`."""


@dataclass(frozen=True, slots=True)
class ApiKeyAuthenticator:
    """Knows vendors by their API keys, and by whatever `others` knows them by."""

    file: ApiKeyFile
    tenants: Collection[str]
    """Those that the bridge serves: a key of any other opens nothing."""
    others: Authenticator = field(repr=False)

    async def authenticate(self, token: str) -> str:
        """The tenant. Raises `TokenError` (`token_unknown_key`), `api_keys_unusable`, or what `others` raise."""
        if not token.startswith(_PREFIX):
            return await self.others.authenticate(token)
        parts = _KEY.fullmatch(token)
        known = None if parts is None else self.file.find(parts[1])
        if (
            parts is None
            or known is None
            or known.tenant not in self.tenants
            or not hmac.compare_digest(_digest(parts[2]), known.digest)
        ):
            raise TokenError("token_unknown_key", "This API key opens nothing here.", hint="It may have been revoked.")
        return known.tenant


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
