"""API keys: what a vendor's server shows to use the REST API. Kept as hashes, in one file of the data directory.

A key's secret has 256 bits of chance, so that one round of SHA-256 keeps it as safe as any number of rounds would.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bridge.auth.errors import KeyMaterialError
from bridge.errors import BridgeError

FILE = "api-keys.json"
MAX_KEYS = 1000
MAX_LABEL = 100
SCOPES = ("recordings",)
"""What a key may open besides rooms."""
_KEY = re.compile(r"brk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


class ApiKey(msgspec.Struct, frozen=True):
    """What is kept of a key. Times in seconds since the epoch."""

    id: str
    tenant: str
    label: str
    """What it is for, in the operator's words."""
    hash: str
    """SHA-256 of the whole key, in hexadecimal."""
    created_at: int
    revoked_at: int | None = None
    scopes: tuple[str, ...] = ()
    """What it opens besides rooms; of `SCOPES`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who uses the REST API."""

    tenant: str
    actor: str
    """For the audit log: `api:` and the key's id, or `vendor` for one that signs its own tokens."""
    scopes: frozenset[str] = frozenset()
    """What is opened besides rooms."""


class ApiKeys:
    """The keys of a data directory. Other processes may change them at any time."""

    def __init__(self, data: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._path = data / FILE
        self._clock = clock
        self._read: tuple[tuple[int, int] | None, dict[str, ApiKey]] = (None, {})
        self._reading = threading.Lock()

    def create(
        self, tenant: str, label: str, *, key_id: str | None = None, scopes: Collection[str] = ()
    ) -> tuple[ApiKey, str]:
        """A new key, and the text that its owner is told this once. Raises `BridgeError` or `OSError`."""
        if len(label) > MAX_LABEL or not label.isprintable():
            raise BridgeError("bad_label", f"A label has {MAX_LABEL} printable characters at most.", field="label")
        key_id = key_id or new_key_id()
        text = f"brk_{key_id}_{secrets.token_urlsafe(32)}"
        key = ApiKey(key_id, tenant, label, _hash(text), int(self._clock()), scopes=tuple(sorted({*scopes})))
        with self._changing() as keys:
            if len(keys) >= MAX_KEYS:
                raise BridgeError("too_many_keys", f"There are {MAX_KEYS} keys already, revoked ones included.")
            keys[key.id] = key
        return key, text

    def revoke(self, key_id: str) -> ApiKey:
        """From now on nobody gets in by it. Raises `BridgeError` (`unknown_key`) or `OSError`."""
        with self._changing() as keys:
            key = self._known(keys, key_id)
            if key.revoked_at is None:
                key = keys[key_id] = msgspec.structs.replace(key, revoked_at=int(self._clock()))
        return key

    def get(self, key_id: str) -> ApiKey:
        """One of them. Raises `BridgeError` (`unknown_key`)."""
        return self._known(self._load(), key_id)

    def list(self) -> list[ApiKey]:
        """All of them, oldest first, revoked ones too."""
        return list(self._load().values())

    def find(self, text: str) -> ApiKey | None:
        """The key that `text` is, if it is one that lets in."""
        match = _KEY.fullmatch(text)
        key = None if match is None else self._load().get(match[1])
        if key is None or key.revoked_at is not None or not hmac.compare_digest(key.hash, _hash(text)):
            return None
        return key

    @staticmethod
    def _known(keys: dict[str, ApiKey], key_id: str) -> ApiKey:
        if key_id not in keys:
            raise BridgeError("unknown_key", "There is no such API key.", hint="`bridge apikey list` shows them.")
        return keys[key_id]

    def _load(self) -> dict[str, ApiKey]:
        """What the file holds now; it is read anew only when it was replaced."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return {}
        version = (found.st_ino, found.st_mtime_ns)
        with self._reading:
            if self._read[0] != version:
                try:
                    keys = msgspec.json.decode(self._path.read_bytes(), type=list[ApiKey])
                except msgspec.MsgspecError:
                    raise KeyMaterialError(f"{self._path} holds no API keys.", hint="Restore it.") from None
                self._read = version, {key.id: key for key in keys}
            return self._read[1]

    @contextmanager
    def _changing(self) -> Iterator[dict[str, ApiKey]]:
        """The keys, to be changed; the file is replaced as a whole afterwards, one process at a time."""
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            keys = dict(self._load())
            yield keys
            draft = self._path.with_suffix(".draft")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(list(keys.values()))))
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, self._path)
        finally:
            os.close(lock)


def new_key_id() -> str:
    """An id that no key has."""
    return secrets.token_hex(6)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
