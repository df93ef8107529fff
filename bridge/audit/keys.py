"""The node's two keys, made in the data directory: one seals the audit log, one makes pseudonyms."""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bridge.audit.errors import AuditError

SEALING_KEY = "audit.key"
PUBLIC_KEY = "audit.pub"
PSEUDONYM_KEY = "pseudonyms.key"
PSEUDONYM_CHARACTERS = 24


class SealingKey:
    """An Ed25519 key of which the private half never leaves the data directory."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private

    @classmethod
    def load(cls, data: Path) -> SealingKey:
        """The key of a data directory, made at first. Raises `AuditError` (`audit_key_unusable`) or `OSError`."""
        path = data / SEALING_KEY
        if not path.exists():
            pem = Ed25519PrivateKey.generate().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            create_whole(path, pem)
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), None)
        except ValueError:
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            raise AuditError("audit_key_unusable", f"{path} holds no Ed25519 key.", hint="Restore it from a backup.")
        create_whole(data / PUBLIC_KEY, _public_pem(key.public_key()))
        return cls(key)

    def sign(self, data: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self._private.sign(data)

    @property
    def checker(self) -> SealChecker:
        """What signatures of this key are checked with."""
        return SealChecker(self._private.public_key())


class SealChecker:
    """The public half."""

    def __init__(self, public: Ed25519PublicKey) -> None:
        self._public = public

    @classmethod
    def from_pem(cls, path: Path) -> SealChecker:
        """Reads `audit.pub`. Raises `AuditError` (`audit_key_unusable`) or `OSError`."""
        try:
            key = serialization.load_pem_public_key(path.read_bytes())
        except ValueError:
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise AuditError("audit_key_unusable", f"{path} holds no public Ed25519 key.")
        return cls(key)

    def holds(self, signature: bytes, data: bytes) -> bool:
        """Whether the key signed `data`."""
        try:
            self._public.verify(signature, data)
        except InvalidSignature:
            return False
        return True


class Pseudonyms:
    """Stands a word in for an identity: the same for the same person at the same vendor, and back for nobody.

    HMAC-SHA-256 with a key of the node: without the key nobody can try out identities, and with another key, as after
    it was thrown away, the words of before lead nowhere.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def load(cls, data: Path) -> Pseudonyms:
        """With the key of a data directory, made at first. Raises `AuditError` (`audit_key_unusable`) or `OSError`."""
        path = data / PSEUDONYM_KEY
        if not path.exists():
            create_whole(path, secrets.token_bytes(32))
        key = path.read_bytes()
        if len(key) != 32:
            raise AuditError("audit_key_unusable", f"{path} does not hold 32 bytes.", hint="Restore it from a backup.")
        return cls(key)

    def of(self, tenant: str, identity: str) -> str:
        """`PSEUDONYM_CHARACTERS` hexadecimal digits."""
        return hmac.digest(self._key, f"{tenant}\0{identity}".encode(), "sha256").hex()[:PSEUDONYM_CHARACTERS]


def create_whole(path: Path, content: bytes) -> None:
    """Makes a file, on disk as a whole or not at all; leaves one that is there as it is. Raises `OSError`."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        # What another process made a moment ago is as good.
        return
    finally:
        draft.unlink()


def _public_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
