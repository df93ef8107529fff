"""The node's key that seals the audit log, made in the data directory."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bridge.audit.errors import AuditError
from bridge.data_directory import create_whole

SEALING_KEY = "audit.key"
PUBLIC_KEY = "audit.pub"
_LOST = (
    f"Restore {SEALING_KEY} from a backup. If there is none, move {PUBLIC_KEY} to where it is kept: the log up to here "
    "is verified with it, and the bridge goes on with another key."
)


class SealingKey:
    """An Ed25519 key of which the private half never leaves the data directory."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private

    @classmethod
    def load(cls, data: Path) -> SealingKey:
        """The key of a data directory, made at first.

        Raises `AuditError` (`audit_key_lost`, `audit_key_unusable`) or `OSError`.
        """
        key = cls.kept_in(data)
        if key is None:
            pem = Ed25519PrivateKey.generate().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            create_whole(data / SEALING_KEY, pem)
            # Another process may have been making it, too: whose was first is the one.
            key = cls._read(data / SEALING_KEY)
        public = data / PUBLIC_KEY
        create_whole(public, key._public)
        key._is_of(data)
        return key

    @classmethod
    def kept_in(cls, data: Path) -> SealingKey | None:
        """The key of a data directory that has one; nothing is made.

        Raises `AuditError` (`audit_key_lost`, `audit_key_unusable`) or `OSError`.
        """
        path, public = data / SEALING_KEY, data / PUBLIC_KEY
        # Asked before the key is: another process may be making both.
        is_old = public.exists()
        if not path.exists():
            if is_old:
                # Another key made in silence would be found out by whoever verifies the log, perhaps years later.
                raise AuditError("audit_key_lost", f"{path} is gone, and {public} is of it.", hint=_LOST)
            return None
        key = cls._read(path)
        if is_old:
            key._is_of(data)
        return key

    @classmethod
    def _read(cls, path: Path) -> SealingKey:
        try:
            private = serialization.load_pem_private_key(path.read_bytes(), None)
        except ValueError:
            private = None
        if not isinstance(private, Ed25519PrivateKey):
            raise AuditError("audit_key_unusable", f"{path} holds no Ed25519 key.", hint="Restore it from a backup.")
        return cls(private)

    @property
    def _public(self) -> bytes:
        return _public_pem(self._private.public_key())

    def _is_of(self, data: Path) -> None:
        public = data / PUBLIC_KEY
        if public.read_bytes() != self._public:
            raise AuditError(
                "audit_key_unusable", f"{data / SEALING_KEY} is not the key that {public} is of.", hint=_LOST
            )

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

    @property
    def node(self) -> str:
        """What the chain that this key seals is kept under where several share a database: 16 letters and digits."""
        digest = hashlib.sha256(_public_pem(self._public)).digest()
        # Not in hexadecimal: digits of it that come together may pass for an identity number.
        return base64.b32encode(digest[:10]).decode().lower()

    def holds(self, signature: bytes, data: bytes) -> bool:
        """Whether the key signed `data`."""
        try:
            self._public.verify(signature, data)
        except InvalidSignature:
            return False
        return True


def _public_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
