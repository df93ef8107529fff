"""Self-signed certificates for DTLS, renewed by themselves (RFC 8827, section 6.5).

A certificate is known by its fingerprint in the SDP, so nobody has to sign it. It lives for 30 days and is replaced by
the first new connection after 15: associations that exist keep theirs, since a fingerprint must not change under them.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

VALIDITY = datetime.timedelta(days=30)
RENEW_AFTER = datetime.timedelta(days=15)

CLOCK_SKEW = datetime.timedelta(days=1)
"""Certificates are valid from a little before they were made: clients' clocks are wrong."""

SRTP_PROFILES = b"SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80"
"""In our order of preference: GCM costs a third of AES-CTR with HMAC."""

CIPHERS = b":".join(
    (
        b"ECDHE-ECDSA-AES128-GCM-SHA256",
        b"ECDHE-ECDSA-CHACHA20-POLY1305",
        b"ECDHE-ECDSA-AES256-GCM-SHA384",
        b"ECDHE-RSA-AES128-GCM-SHA256",
        b"ECDHE-RSA-CHACHA20-POLY1305",
        b"ECDHE-RSA-AES256-GCM-SHA384",
    )
)
"""Forward secret and authenticated only. The RSA ones serve peers with RSA certificates when we are the client."""

_OP_NO_QUERY_MTU = 0x1000
"""SSL_OP_NO_QUERY_MTU, which pyOpenSSL has no name for. Without it OpenSSL asks the memory BIO for an MTU, learns
nothing and falls back to 256 bytes."""

HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha-256": hashes.SHA256(),
    "sha-384": hashes.SHA384(),
    "sha-512": hashes.SHA512(),
}
"""Fingerprint functions that we trust, by their names in SDP (RFC 8122)."""


@dataclass(frozen=True)
class Fingerprint:
    """A certificate's fingerprint: `a=fingerprint:sha-256 AB:CD:…`, both parts normalised (lower case, upper case)."""

    algorithm: str
    value: str


def fingerprint(certificate: x509.Certificate, algorithm: str) -> Fingerprint:
    """The fingerprint of a certificate. Raises KeyError for functions that are not in `HASHES`."""
    return Fingerprint(algorithm, certificate.fingerprint(HASHES[algorithm]).hex(":").upper())


@dataclass(frozen=True)
class Certificate:
    """A certificate with the OpenSSL context that uses it.

    The context is shared by all associations of this certificate: OpenSSL freezes it with the first one.
    """

    context: SSL.Context
    fingerprint: Fingerprint
    made: datetime.datetime

    @classmethod
    def make(cls, now: datetime.datetime) -> Certificate:
        """Makes an ECDSA P-256 key and a certificate for it."""
        key = ec.generate_private_key(ec.SECP256R1())
        # The name says nothing: RFC 8827 wants certificates that do not identify anybody.
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "WebRTC")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - CLOCK_SKEW)
            .not_valid_after(now + VALIDITY)
            .sign(key, hashes.SHA256())
        )
        return cls(_context(key, certificate), fingerprint(certificate, "sha-256"), now)


def _context(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> SSL.Context:
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(_OP_NO_QUERY_MTU | SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    # An association is idle from its handshake to its end: it needs no buffers meanwhile.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    # Both sides show certificates; what they must be is said by the SDP and checked when the handshake is done.
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
    context.set_cipher_list(CIPHERS)
    context.set_tlsext_use_srtp(SRTP_PROFILES)
    context.use_privatekey(key)
    context.use_certificate(certificate)
    return context


def _utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class CertificateStore:
    """Hands out the certificate for new associations and renews it when it has become old."""

    def __init__(self, clock: Callable[[], datetime.datetime] = _utc_now) -> None:
        self._clock = clock
        self._current = Certificate.make(clock())

    def current(self) -> Certificate:
        """The certificate for an association that begins now."""
        now = self._clock()
        # A clock that was set back makes a certificate that is "not yet valid" for clients: renew then, too.
        if not -CLOCK_SKEW < now - self._current.made < RENEW_AFTER:
            self._current = Certificate.make(now)
        return self._current
