"""The operator's keys, and the key of each recording wrapped by one of them.

The key file has a line for each key: its id, a space, 32 bytes in Base64. The first one wraps new recordings; the
others open those that were made before it came. Lines that begin with # are remarks.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bridge.transcode.recording.errors import RecordingError

KEY_BYTES = 32
NONCE_BYTES = 12
MAX_KEYS = 64
"""Keys in a key file; one is added a year or so."""
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A recording's key as it lies beside it (NIST SP 800-38D, with the recording's id authenticated)."""

    key_id: str
    """Of the operator's key that wraps it."""
    nonce: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The operator's keys."""

    active: str
    """Id of the one that wraps new recordings."""
    keys: dict[str, bytes] = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> KeyRing:
        """Reads a key file. Raises `RecordingError`, which names the line."""
        try:
            lines = path.read_text(encoding="ascii").splitlines()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise RecordingError(
                "recording_bad_key_file", f"{path} cannot be read: {why}.", field="recordings.key_file"
            ) from None
        keys: dict[str, bytes] = {}
        for number, line in enumerate(lines, start=1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            key = _key(words[1]) if len(words) == 2 else None
            if key is None or not _KEY_ID.fullmatch(words[0]) or words[0] in keys or len(keys) >= MAX_KEYS:
                raise RecordingError(
                    "recording_bad_key_file",
                    f"{path}, line {number}: expected an id that occurs once, a space and {KEY_BYTES} bytes in Base64.",
                    field="recordings.key_file",
                    hint="bridge recordings new-key prints such a line",
                )
            keys[words[0]] = key
        if not keys:
            raise RecordingError(
                "recording_bad_key_file",
                f"{path} has no key.",
                field="recordings.key_file",
                hint="bridge recordings new-key prints one",
            )
        return cls(next(iter(keys)), keys)

    def ring(self) -> KeyRing:
        """These, as they were read."""
        return self

    def wrap(self, key: bytes, recording: str) -> WrappedKey:
        """Wraps a recording's key by the active one."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self.keys[self.active]).encrypt(nonce, key, _context(recording, self.active))
        return WrappedKey(self.active, nonce, sealed)

    def unwrap(self, wrapped: WrappedKey, recording: str) -> bytes:
        """The recording's key. Raises `RecordingError` (`recording_no_key`, `recording_damaged`)."""
        key = self.keys.get(wrapped.key_id)
        if key is None:
            raise RecordingError(
                "recording_no_key",
                f"The key {wrapped.key_id!r}, which this recording was made with, is not in the key file.",
                field="recordings.key_file",
            )
        try:
            return AESGCM(key).decrypt(wrapped.nonce, wrapped.sealed, _context(recording, wrapped.key_id))
        except (InvalidTag, ValueError):
            raise RecordingError(
                "recording_damaged", "The key of the recording cannot be unwrapped: it, or the operator's, was changed."
            ) from None


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The keys of a file that operators change while the bridge runs: read anew whenever one is needed."""

    path: Path

    def ring(self) -> KeyRing:
        """The keys now. Raises `RecordingError`, as `KeyRing.read` does."""
        return KeyRing.read(self.path)


def new_key_line(key_id: str) -> str:
    """A line for the key file, with a new random key. Raises `RecordingError` for an id that none may have."""
    if not _KEY_ID.fullmatch(key_id):
        raise RecordingError(
            "recording_bad_key_file", f"{key_id!r}: expected 1 to 64 letters, digits or . _ -", field="key id"
        )
    return f"{key_id} {base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"


def _key(text: str) -> bytes | None:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None


def _context(recording: str, key_id: str) -> bytes:
    return f"bridge recording key v1\n{recording}\n{key_id}".encode()
