"""A self-signed TLS certificate for development, with which a phone on the same network can try the bridge.

Browsers give camera and microphone only to pages that came over TLS or from the machine itself.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CERTIFICATE_FILE = "development-certificate.pem"
KEY_FILE = "development-certificate.key"
VALIDITY = datetime.timedelta(days=90)
RENEW_BEFORE = datetime.timedelta(days=7)


def development_certificate(
    data: Path, hosts: Sequence[str], now: datetime.datetime | None = None
) -> tuple[Path, Path]:
    """Paths of a certificate for `hosts` (IP addresses) and its key, both PEM, made anew when need be.

    A certificate that a browser was told to trust is kept as long as it is valid and names all hosts. Raises `OSError`.
    """
    now = datetime.datetime.now(datetime.UTC) if now is None else now
    certificate, key = data / CERTIFICATE_FILE, data / KEY_FILE
    wanted = [ipaddress.ip_address(host) for host in dict.fromkeys([*hosts, "127.0.0.1", "::1"])]
    if not _serves(certificate, key, wanted, now):
        _make(certificate, key, wanted, now)
    return certificate, key


def _serves(
    certificate: Path,
    key: Path,
    wanted: Sequence[ipaddress.IPv4Address | ipaddress.IPv6Address],
    now: datetime.datetime,
) -> bool:
    try:
        made = x509.load_pem_x509_certificate(certificate.read_bytes())
        names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (FileNotFoundError, ValueError, x509.ExtensionNotFound):
        return False
    named = names.get_values_for_type(x509.IPAddress)
    return key.exists() and now < made.not_valid_after_utc - RENEW_BEFORE and set(wanted) <= set(named)


def _make(
    certificate: Path, key: Path, hosts: Sequence[ipaddress.IPv4Address | ipaddress.IPv6Address], now: datetime.datetime
) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Bridge, development only")])
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), *(x509.IPAddress(host) for host in hosts)]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + VALIDITY)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    _write(key, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    _write(certificate, made.public_bytes(Encoding.PEM))


def _write(path: Path, content: bytes) -> None:
    """Replaces the file as a whole, readable for its owner only."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)
