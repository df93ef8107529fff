"""DTLS associations against each other and against a plain pyOpenSSL client, over lines that misbehave."""

from __future__ import annotations

import datetime
import random
import time
from collections import deque
from collections.abc import Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from bridge.sfu.certificate import Certificate, CertificateStore, Fingerprint, fingerprint
from bridge.sfu.dtls import KEY_AND_SALT, DtlsEndpoint, DtlsState
from bridge.sfu.dtls_records import MTU, pack
from tests.sfu.support import fragments


@pytest.fixture(scope="module")
def ours() -> Certificate:
    return CertificateStore().current()


@pytest.fixture(scope="module")
def theirs() -> Certificate:
    return CertificateStore().current()


def pair(ours: Certificate, theirs: Certificate) -> tuple[DtlsEndpoint, DtlsEndpoint]:
    server, client = DtlsEndpoint(ours, "server"), DtlsEndpoint(theirs, "client")
    server.set_peer_fingerprints([theirs.fingerprint])
    client.set_peer_fingerprints([ours.fingerprint])
    return server, client


def state_of(endpoint: DtlsEndpoint) -> DtlsState:
    """The state now: a type checker would hold on to the one it saw before."""
    return endpoint.state


def run(server: DtlsEndpoint, client: DtlsEndpoint, turns: int = 12) -> list[bytes]:
    """Carries datagrams to and fro; returns them all."""
    carried: list[bytes] = []
    client.start()
    for _ in range(turns):
        for source, target in ((client, server), (server, client)):
            for datagram in source.take_datagrams():
                carried.append(datagram)
                target.receive(datagram)
    return carried


def test_both_sides_get_the_same_keys_crosswise(ours: Certificate, theirs: Certificate) -> None:
    server, client = pair(ours, theirs)
    run(server, client)
    assert state_of(server) is state_of(client) is DtlsState.CONNECTED
    assert server.srtp is not None
    assert client.srtp is not None
    assert server.srtp["send_key"] == client.srtp["receive_key"]
    assert server.srtp["receive_key"] == client.srtp["send_key"]
    assert server.srtp["send_key"] != server.srtp["receive_key"]


def test_datagrams_fit_the_path(ours: Certificate, theirs: Certificate) -> None:
    assert max(map(len, run(*pair(ours, theirs)))) <= MTU


def test_handshakes_of_ours_fit_paths_that_swallow_what_browsers_send(ours: Certificate, theirs: Certificate) -> None:
    """With a certificate as small as ours the largest datagram has some 650 bytes."""
    assert max(len(datagram) for datagram in run(*pair(ours, theirs))) <= 700


def test_gcm_is_preferred(ours: Certificate, theirs: Certificate) -> None:
    server, client = pair(ours, theirs)
    run(server, client)
    assert server.srtp is not None
    assert server.srtp["profile"] == "SRTP_AEAD_AES_128_GCM"


class Line:
    """A line that doubles and reorders datagrams, the same way for a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._waiting: deque[bytes] = deque()

    def carry(self, datagrams: list[bytes]) -> Iterator[bytes]:
        for datagram in datagrams:
            self._waiting.extend([datagram] * self._random.choice((1, 1, 2)))
        self._random.shuffle(self._waiting)
        while self._waiting and self._random.random() < 0.8:
            yield self._waiting.popleft()


@pytest.mark.parametrize("seed", range(6))
def test_a_handshake_survives_reordering_and_duplication(seed: int, ours: Certificate, theirs: Certificate) -> None:
    server, client = pair(ours, theirs)
    there, back = Line(seed), Line(seed + 100)
    client.start()
    for _ in range(60):
        for datagram in there.carry(client.take_datagrams()):
            server.receive(datagram)
        for datagram in back.carry(server.take_datagrams()):
            client.receive(datagram)
    assert state_of(server) is state_of(client) is DtlsState.CONNECTED


def test_hellos_that_come_in_part_are_counted_until_one_is_whole(ours: Certificate, theirs: Certificate) -> None:
    server, client = pair(ours, theirs)
    client.start()
    head, tail = fragments(client.take_datagrams()[0])
    for count in (1, 2, 3):
        server.receive(tail)
        assert server.take_datagrams() == []
        assert server.partial_flights == count
    server.receive(head)
    flight = server.take_datagrams()
    assert flight
    assert server.partial_flights == 0
    server.receive(tail)
    server.receive(tail)
    assert server.partial_flights == 0
    for datagram in flight:
        client.receive(datagram)
    run(server, client)
    assert state_of(server) is DtlsState.CONNECTED


def test_a_hello_in_many_parts_is_one(ours: Certificate) -> None:
    server = DtlsEndpoint(ours, "server")
    parts = [bytes(19) + offset.to_bytes(3, "big") + bytes(20) for offset in range(0, 2000, 228)]
    for part in (*parts, *parts[3:], *parts):
        server.receive(part)
    assert server.partial_flights == 3


def test_a_lost_flight_asks_for_a_retransmission(ours: Certificate, theirs: Certificate) -> None:
    _server, client = pair(ours, theirs)
    client.start()
    assert client.take_datagrams()
    due = client.next_timeout()
    assert due is not None
    assert 0 < due <= 1


def test_a_lost_datagram_of_a_flight_costs_no_second(
    ours: Certificate, theirs: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    # OpenSSL's own timer has a clock of its own.
    monkeypatch.setattr(SSL.Connection, "DTLSv1_get_timeout", lambda _: None)
    monkeypatch.setattr(SSL.Connection, "DTLSv1_handle_timeout", lambda _: False)
    now = 100.0
    _, client = pair(ours, theirs)
    server = DtlsEndpoint(ours, "server", clock=lambda: now)
    server.set_peer_fingerprints([theirs.fingerprint])
    client.start()
    for datagram in client.take_datagrams():
        server.receive(datagram)
    flight = server.take_datagrams()
    for datagram in flight[1:]:
        client.receive(datagram)
    waits = []
    while (due := server.next_timeout()) is not None:
        waits.append(round(due, 3))
        now += due
        server.handle_timeout()
        assert server.take_datagrams() == flight
    assert waits == [0.2, 0.4, 0.8, 1.6]
    for datagram in flight:
        client.receive(datagram)
    run(server, client)
    assert state_of(server) is state_of(client) is DtlsState.CONNECTED


def test_timers_end_with_the_handshake(ours: Certificate, theirs: Certificate) -> None:
    server, client = pair(ours, theirs)
    run(server, client)
    assert server.next_timeout() is None
    assert client.next_timeout() is None


def test_a_lost_last_flight_is_sent_again(ours: Certificate, theirs: Certificate) -> None:
    server, client = pair(ours, theirs)
    client.start()
    while state_of(server) is DtlsState.HANDSHAKE:
        for datagram in client.take_datagrams():
            server.receive(datagram)
        if state_of(server) is DtlsState.HANDSHAKE:
            for datagram in server.take_datagrams():
                client.receive(datagram)
    assert server.take_datagrams()  # Lost on the way: the client waits for it.
    assert state_of(client) is DtlsState.HANDSHAKE
    while (due := client.next_timeout()) is not None:
        time.sleep(
            due
        )  # OpenSSL has a clock of its own, and what it sends again are new records: to those the server answers.
        client.handle_timeout()
        for datagram in client.take_datagrams():
            server.receive(datagram)
        for datagram in server.take_datagrams():
            client.receive(datagram)
    assert state_of(client) is DtlsState.CONNECTED


def test_a_wrong_fingerprint_is_refused_and_no_key_leaves(ours: Certificate, theirs: Certificate) -> None:
    server, client = DtlsEndpoint(ours, "server"), DtlsEndpoint(theirs, "client")
    server.set_peer_fingerprints([ours.fingerprint])
    run(server, client)
    assert state_of(server) is DtlsState.FAILED
    assert server.failure == "fingerprint_mismatch"
    assert server.srtp is None


def test_the_fingerprint_may_come_after_the_handshake(ours: Certificate, theirs: Certificate) -> None:
    server, client = DtlsEndpoint(ours, "server"), DtlsEndpoint(theirs, "client")
    client.set_peer_fingerprints([ours.fingerprint])
    run(server, client)
    assert state_of(server) is DtlsState.UNVERIFIED
    assert server.srtp is None
    server.set_peer_fingerprints([theirs.fingerprint])
    assert state_of(server) is DtlsState.CONNECTED
    assert server.srtp is not None


def test_any_one_of_several_fingerprints_will_do(ours: Certificate, theirs: Certificate) -> None:
    server, client = DtlsEndpoint(ours, "server"), DtlsEndpoint(theirs, "client")
    server.set_peer_fingerprints([Fingerprint("sha-512", "00"), ours.fingerprint, theirs.fingerprint])
    run(server, client)
    assert state_of(server) is DtlsState.CONNECTED


def test_goodbye_is_heard(ours: Certificate, theirs: Certificate) -> None:
    server, client = pair(ours, theirs)
    run(server, client)
    client.close()
    for datagram in client.take_datagrams():
        server.receive(datagram)
    assert state_of(server) is DtlsState.CLOSED


@pytest.mark.parametrize("garbage", [b"", b"\x16", b"\x16\xfe\xfd" + bytes(40), bytes(range(20, 64)) * 20])
def test_garbage_is_ignored(garbage: bytes, ours: Certificate, theirs: Certificate) -> None:
    server, client = pair(ours, theirs)
    server.receive(garbage)
    assert state_of(server) is DtlsState.HANDSHAKE
    run(server, client)
    server.receive(garbage)
    assert state_of(server) is DtlsState.CONNECTED


def test_a_flood_before_the_handshake_ends_it(ours: Certificate) -> None:
    server = DtlsEndpoint(ours, "server", max_handshake_bytes=1000)
    for _ in range(3):
        server.receive(b"\x16" * 400)
    assert state_of(server) is DtlsState.FAILED
    assert server.failure == "handshake_bytes"


def plain_client(profiles: bytes | None, *, with_certificate: bool = True) -> tuple[SSL.Connection, x509.Certificate]:
    """A client that is not ours."""
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_verify(SSL.VERIFY_NONE, lambda *_: True)
    if profiles is not None:
        context.set_tlsext_use_srtp(profiles)
    key, certificate = self_signed()
    if with_certificate:
        context.use_privatekey(key)
        context.use_certificate(certificate)
    connection = SSL.Connection(context, None)
    connection.set_connect_state()
    return connection, certificate


def self_signed() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def shake(server: DtlsEndpoint, client: SSL.Connection) -> None:
    for _ in range(12):
        try:
            client.do_handshake()
        except SSL.WantReadError:
            pass
        except SSL.Error:
            return
        try:
            flight = client.bio_read(1 << 16)
        except SSL.WantReadError:
            flight = b""
        for datagram in pack(flight):
            server.receive(datagram)
        for datagram in server.take_datagrams():
            client.bio_write(datagram)


@pytest.mark.parametrize("profile", KEY_AND_SALT)
def test_every_profile_works_with_a_foreign_client(profile: str, ours: Certificate) -> None:
    client, certificate = plain_client(profile.encode())
    server = DtlsEndpoint(ours, "server")
    server.set_peer_fingerprints([fingerprint(certificate, "sha-384")])
    shake(server, client)
    assert state_of(server) is DtlsState.CONNECTED
    assert server.srtp is not None
    assert server.srtp["profile"] == profile
    key, salt = KEY_AND_SALT[server.srtp["profile"]]
    material = client.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt), None)
    assert server.srtp["receive_key"] == material[:key] + material[2 * key : 2 * key + salt]
    assert server.srtp["send_key"] == material[key : 2 * key] + material[2 * key + salt :]


def test_a_client_without_srtp_is_refused(ours: Certificate) -> None:
    client, certificate = plain_client(None)
    server = DtlsEndpoint(ours, "server")
    server.set_peer_fingerprints([fingerprint(certificate, "sha-256")])
    shake(server, client)
    assert server.failure == "no_srtp_profile"


def test_a_client_without_a_certificate_is_refused(ours: Certificate) -> None:
    client, certificate = plain_client(b"SRTP_AEAD_AES_128_GCM", with_certificate=False)
    server = DtlsEndpoint(ours, "server")
    server.set_peer_fingerprints([fingerprint(certificate, "sha-256")])
    shake(server, client)
    assert server.failure == "handshake_error"
