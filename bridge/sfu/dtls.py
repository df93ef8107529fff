"""One DTLS association (RFC 6347) that yields SRTP keys (RFC 5764). No I/O: datagrams in, datagrams out.

pyOpenSSL runs it over memory BIOs. The caller passes on what arrives, sends what `take_datagrams` returns, and calls
`handle_timeout` when `next_timeout` has passed. Both sides show certificates; the peer's is held against the
fingerprints of its SDP, which may become known only after the handshake is done (a subscribe answer travels more
slowly than its ClientHello). No key leaves before that.

OpenSSL waits a second before it sends a flight again, and has no setting for that: one lost datagram of ours was a
second more until somebody was seen. So flights are sent again sooner here, as they were, which to the peer is a
datagram that came twice.
"""

from __future__ import annotations

import contextlib
import hmac
import time
from collections.abc import Callable, Iterable
from enum import Enum
from typing import TYPE_CHECKING, Literal

from OpenSSL import SSL

from bridge.sfu import dtls_records
from bridge.sfu.certificate import HASHES, Certificate, Fingerprint, fingerprint

if TYPE_CHECKING:
    from cryptography import x509

    from bridge._core import SrtpParams, SrtpProfile

Role = Literal["server", "client"]

EXPORTER_LABEL = b"EXTRACTOR-dtls_srtp"

KEY_AND_SALT: dict[SrtpProfile, tuple[int, int]] = {
    "SRTP_AEAD_AES_128_GCM": (16, 12),
    "SRTP_AEAD_AES_256_GCM": (32, 12),
    "SRTP_AES128_CM_SHA1_80": (16, 14),
}
"""Bytes of master key and master salt (RFC 5764, section 4.1.2; RFC 7714, section 12)."""

MAX_HANDSHAKE_BYTES = 64 * 1024
"""A handshake with the largest certificates seen takes 8 KiB; more than this is no handshake."""

AGAIN_AFTER = 0.2
"""Seconds without an answer after which a flight is sent again; then twice as long each time, …"""
MOST_AGAIN = 4
"""… up to so often. OpenSSL's own timer, of a second at first, goes on beside."""

_READ_SIZE = 16 * 1024 + 1
_FLIGHT_SIZE = 1 << 20
_MOST_PARTS = 64
"""Datagrams of a flight that are told apart."""


class DtlsState(Enum):
    """How an association stands."""

    HANDSHAKE = "handshake"
    """Waiting for the peer, or in the middle of the handshake."""
    UNVERIFIED = "unverified"
    """The handshake is done; the peer's fingerprint is not known yet."""
    CONNECTED = "connected"
    """The peer is who its SDP said; the keys are ready."""
    FAILED = "failed"
    """It will never work; `failure` says why."""
    CLOSED = "closed"
    """Ended by either side's close_notify."""


class DtlsEndpoint:
    """One end of an association."""

    def __init__(
        self,
        certificate: Certificate,
        role: Role,
        *,
        max_handshake_bytes: int = MAX_HANDSHAKE_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.role: Role = role
        self._clock = clock
        self._flight: list[bytes] = []
        self._again: list[bytes] = []
        self._again_at: float | None = None
        self._times_again = 0
        self._heard = True
        self.state = DtlsState.HANDSHAKE
        self.failure: str | None = None
        """A word for metrics and logs: `fingerprint_mismatch`, `no_srtp_profile`, `handshake_error`,
        `handshake_bytes` or `alert`."""
        self.srtp: SrtpParams | None = None
        """The keys, in the core's directions, once CONNECTED."""
        self.ignored_bytes = 0
        """Application data (SCTP) received, for which there is no use yet."""
        self.partial_flights = 0
        """How often the peer has sent its first flight, of which some part never came; 0 from the first answer on."""
        self._parts: set[bytes] = set()
        self._answered = False
        self._bytes_left = max_handshake_bytes
        self._fingerprints: tuple[Fingerprint, ...] | None = None
        self._connection = SSL.Connection(certificate.context, None)
        self._connection.set_ciphertext_mtu(dtls_records.MTU)
        if role == "server":
            self._connection.set_accept_state()
        else:
            self._connection.set_connect_state()

    def set_peer_fingerprints(self, fingerprints: Iterable[Fingerprint]) -> None:
        """Says which certificates the peer's SDP allows: any one of them (RFC 8122, section 5)."""
        self._fingerprints = tuple(fingerprints)
        if self.state is DtlsState.UNVERIFIED:
            self._verify()

    def start(self) -> None:
        """Sends the ClientHello. For the client's role, once there is a path; harmless when repeated."""
        self._handshake()

    def receive(self, datagram: bytes) -> None:
        """Takes one datagram of the peer. What is not DTLS, or not genuine, is ignored as RFC 6347 demands."""
        if self.state in (DtlsState.FAILED, DtlsState.CLOSED) or not datagram:
            return
        self._heard = True
        if self.state is DtlsState.HANDSHAKE:
            self._bytes_left -= len(datagram)
            if self._bytes_left < 0:
                self._fail("handshake_bytes")
                return
        if not self._answered:
            self._note_part(datagram)
        # One datagram at a time: the BIO keeps no borders, and OpenSSL takes what is in it as one datagram.
        self._connection.bio_write(datagram)
        if self.state is DtlsState.HANDSHAKE:
            self._handshake()
        else:
            self._read()

    def next_timeout(self) -> float | None:
        """Seconds until `handle_timeout` is due, None while no flight is waiting for an answer."""
        if self.state is not DtlsState.HANDSHAKE:
            return None
        timeout: float | None = self._connection.DTLSv1_get_timeout()
        if self._again_at is None:
            return timeout
        again = max(0.0, self._again_at - self._clock())
        return again if timeout is None else min(again, timeout)

    def handle_timeout(self) -> None:
        """Sends the last flight again, if its time has come."""
        if self.state is DtlsState.HANDSHAKE:
            if self._again_at is not None and self._clock() >= self._again_at:
                self._again = self._flight
                self._times_again += 1
                self._wait_for_answer()
            try:
                self._connection.DTLSv1_handle_timeout()
            except SSL.Error:
                # OpenSSL gives up after a dozen retransmissions.
                self._fail("handshake_error")

    def take_datagrams(self) -> list[bytes]:
        """What is to be sent, in datagrams that fit the path."""
        again, self._again = self._again, []
        try:
            flight = self._connection.bio_read(_FLIGHT_SIZE)
        except SSL.WantReadError:
            return again
        if self.partial_flights:
            self.partial_flights = 0
            self._answered = True
        datagrams = dtls_records.pack(flight)
        self._flight = datagrams if self.state is DtlsState.HANDSHAKE else []
        if self._heard:
            # An answer; what comes of OpenSSL's own timer is the same flight in new records.
            self._heard, self._times_again = False, 0
            self._wait_for_answer()
        return datagrams

    def close(self) -> None:
        """Says goodbye (close_notify) if there is anybody to say it to."""
        if self.state in (DtlsState.CONNECTED, DtlsState.UNVERIFIED):
            # The association is given up in any case; without the goodbye the peer notices by consent.
            with contextlib.suppress(SSL.Error):
                self._connection.shutdown()
        if self.state is not DtlsState.FAILED:
            self.state = DtlsState.CLOSED
        self.srtp = None

    def _wait_for_answer(self) -> None:
        left = self._times_again < MOST_AGAIN
        self._again_at = self._clock() + AGAIN_AFTER * 2**self._times_again if left else None

    def _note_part(self, datagram: bytes) -> None:
        part = datagram[dtls_records.FRAGMENT_OFFSET]
        if part in self._parts:
            # It has been here before: this is a retransmission.
            self._parts.clear()
        if not self._parts:
            self.partial_flights += 1
        if len(self._parts) < _MOST_PARTS:
            self._parts.add(part)

    def _handshake(self) -> None:
        if self.state is not DtlsState.HANDSHAKE:
            return
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.Error:
            self._fail("handshake_error")
            return
        self.state = DtlsState.UNVERIFIED
        self._verify()
        if self.state is not DtlsState.FAILED:
            self._read()

    def _verify(self) -> None:
        if self._fingerprints is None:
            return
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        if certificate is None or not _matches(certificate, self._fingerprints):
            self._refuse("fingerprint_mismatch")
            return
        profile = self._profile()
        if profile is None:
            self._refuse("no_srtp_profile")
            return
        self.srtp = self._export(profile)
        self.state = DtlsState.CONNECTED

    def _profile(self) -> SrtpProfile | None:
        name = self._connection.get_selected_srtp_profile().decode("ascii")
        return next((profile for profile in KEY_AND_SALT if profile == name), None)

    def _export(self, profile: SrtpProfile) -> SrtpParams:
        key, salt = KEY_AND_SALT[profile]
        # RFC 5764, section 4.2: client key, server key, client salt, server salt.
        material = self._connection.export_keying_material(EXPORTER_LABEL, 2 * (key + salt), None)
        salts = material[2 * key :]
        client = material[:key] + salts[:salt]
        server = material[key : 2 * key] + salts[salt:]
        ours, theirs = (server, client) if self.role == "server" else (client, server)
        return {"profile": profile, "send_key": ours, "receive_key": theirs}

    def _read(self) -> None:
        """Lets OpenSSL work through what came after the handshake: alerts, repeated flights, data."""
        while self.state in (DtlsState.CONNECTED, DtlsState.UNVERIFIED):
            try:
                self.ignored_bytes += len(self._connection.recv(_READ_SIZE))
            except SSL.WantReadError:
                return
            except SSL.ZeroReturnError:
                self.close()
            except SSL.Error:
                self._fail("alert")

    def _refuse(self, failure: str) -> None:
        # The peer is told if that is possible; it has failed in any case.
        with contextlib.suppress(SSL.Error):
            self._connection.shutdown()
        self._fail(failure)

    def _fail(self, failure: str) -> None:
        self.state = DtlsState.FAILED
        self.failure = failure
        self.srtp = None


def _matches(certificate: x509.Certificate, allowed: tuple[Fingerprint, ...]) -> bool:
    return any(
        hmac.compare_digest(fingerprint(certificate, candidate.algorithm).value, candidate.value)
        for candidate in allowed
        if candidate.algorithm in HASHES
    )
