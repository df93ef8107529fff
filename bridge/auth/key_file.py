"""Keys that are shown once and kept as hashes, in one file of the data directory.

A key's secret has 256 bits of chance, so that one round of SHA-256 keeps it as safe as any number of rounds would.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import hmac
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from bridge.auth.file_version import FileVersion
from bridge.errors import BridgeError

MAX_KEYS = 1000
MAX_LABEL = 100


class HashedKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a key. Times in seconds since the epoch."""

    id: str
    label: str
    """What or whom it is for, in the operator's words."""
    hash: str
    """SHA-256 of the whole key, in hexadecimal."""
    created_at: int
    revoked_at: int | None = None


Key = TypeVar("Key", bound=HashedKey)


class KeyFile(Generic[Key]):
    """The keys of one file. Other processes may change it at any time. What reads a damaged one raises `OSError`."""

    def __init__(
        self,
        path: Path,
        kind: type[Key],
        *,
        prefix: str,
        what: str,
        command: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`prefix` begins the text of each key. `what` is one called, and `command` shows them all."""
        self._path = path
        self._kind = kind
        self._prefix = prefix
        self._what = what
        self._command = command
        self._clock = clock
        self._shape = re.compile(rf"{prefix}_([0-9a-f]{{12}})_([A-Za-z0-9_-]{{43}})")
        self._read: tuple[FileVersion | None, dict[str, Key]] = (None, {})
        self._reading = threading.Lock()

    def revoke(self, key_id: str) -> Key:
        """From now on nobody gets in by it. Raises `BridgeError` (`unknown_key`) or `OSError`."""
        with self._changing() as keys:
            key = self._known(keys, key_id)
            if key.revoked_at is None:
                key = keys[key_id] = msgspec.structs.replace(key, revoked_at=int(self._clock()))
        return key

    def get(self, key_id: str) -> Key:
        """One of them. Raises `BridgeError` (`unknown_key`)."""
        return self._known(self._load(), key_id)

    def active(self, key_id: str) -> Key | None:
        """One of them, if it lets in."""
        key = self._load().get(key_id)
        return None if key is None or key.revoked_at is not None else key

    def list(self) -> list[Key]:
        """All of them, oldest first, revoked ones too."""
        return list(self._load().values())

    def find(self, text: str) -> Key | None:
        """The key that `text` is, if it is one that lets in."""
        match = self._shape.fullmatch(text)
        key = None if match is None else self.active(match[1])
        return key if key is not None and hmac.compare_digest(key.hash, _hash(text)) else None

    def _create(self, label: str, key_id: str | None, **more: Any) -> tuple[Key, str]:
        """A new key, and the text that its owner is told this once. Raises `BridgeError` or `OSError`."""
        if len(label) > MAX_LABEL or not label.isprintable():
            raise BridgeError("bad_label", f"A label has {MAX_LABEL} printable characters at most.", field="label")
        key_id = key_id or new_key_id()
        text = f"{self._prefix}_{key_id}_{secrets.token_urlsafe(32)}"
        key = self._kind(id=key_id, label=label, hash=_hash(text), created_at=int(self._clock()), **more)
        with self._changing() as keys:
            if len(keys) >= MAX_KEYS:
                raise BridgeError("too_many_keys", f"There are {MAX_KEYS} keys already, revoked ones included.")
            keys[key.id] = key
        return key, text

    def _known(self, keys: dict[str, Key], key_id: str) -> Key:
        if key_id not in keys:
            raise BridgeError("unknown_key", f"There is no such {self._what}.", hint=f"`{self._command}` shows them.")
        return keys[key_id]

    def _load(self) -> dict[str, Key]:
        """What the file holds now; it is read anew when it was changed, and for two seconds after that."""
        try:
            version = FileVersion.of(self._path)
        except FileNotFoundError:
            return {}
        with self._reading:
            if self._read[0] != version:
                settled = version.is_settled
                try:
                    keys = msgspec.json.decode(self._path.read_bytes(), type=list[self._kind])  # type: ignore[name-defined]
                except msgspec.MsgspecError:
                    # Nothing for whoever happens to ask just then: doors make an incident of it.
                    text = f"This file holds no {self._what}s; restore it"
                    raise OSError(errno.EINVAL, text, str(self._path)) from None
                self._read = version if settled else None, {key.id: key for key in keys}
            return self._read[1]

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Key]]:
        """The keys, to be changed; the file is replaced as a whole afterwards, one process at a time."""
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            keys = dict(self._load())
            yield keys
            draft = self._path.with_suffix(".draft")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(msgspec.json.format(msgspec.json.encode(list(keys.values()))))
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                # A full disk does not say which file it had no place for.
                raise OSError(error.errno, error.strerror, str(draft)) from None
            os.replace(draft, self._path)
        finally:
            os.close(lock)


def new_key_id() -> str:
    """An id that no key has."""
    return secrets.token_hex(6)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
