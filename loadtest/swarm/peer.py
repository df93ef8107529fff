"""A light peer: one UDP socket, ICE checks, a DTLS-SRTP handshake, RTP in and out. No codecs, no jitter buffer.

`connect` negotiates by WHIP and WHEP; whoever negotiates otherwise calls `start` with what the bridge described.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import secrets
import socket as sockets
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL, crypto
from pylibsrtp import Error as SrtpError
from pylibsrtp import Policy, Session

from loadtest.swarm import description, door
from loadtest.swarm.arrivals import CLOCK_RATES, Arrivals
from loadtest.swarm.description import Remote
from loadtest.swarm.keyframes import asks_for_keyframe, begins_keyframe
from loadtest.swarm.stun import binding_request

_KEY_LENGTH, _SALT_LENGTH = 16, 12
_SO_TIMESTAMPNS = 35
"""Linux: receive time by the kernel, so that our own scheduling does not count as delay."""

_CHECK_INTERVAL = 0.05
"""Seconds between checks until the handshake is through (RFC 8445, section 14)."""
_CONSENT_INTERVAL = 5.0
"""Seconds between checks from then on (RFC 7675)."""
_CONNECT_TIMEOUT = 15.0
"""Seconds from the answer to keys."""
_RECEIVE_BUFFER = 1 << 20


@cache
def certificate() -> tuple[SSL.Context, str]:
    """One certificate for all peers of a process: its DTLS context and its fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loadtest")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_verify(SSL.VERIFY_NONE, None)
    context.use_certificate(crypto.X509.from_cryptography(made))
    context.use_privatekey(crypto.PKey.from_cryptography_key(key))
    context.set_tlsext_use_srtp(b"SRTP_AEAD_AES_128_GCM")
    return context, made.fingerprint(hashes.SHA256()).hex(":").upper()


def client_hello() -> bytes:
    """The first datagram of a DTLS handshake."""
    dtls = SSL.Connection(certificate()[0], None)
    dtls.set_connect_state()
    dtls.set_ciphertext_mtu(1200)
    with contextlib.suppress(SSL.WantReadError):
        dtls.do_handshake()
    return dtls.bio_read(65536)


@dataclass
class LightPeer:
    """One connection. Times are seconds of the wall clock, 0 for what has not happened."""

    arrivals: dict[int, Arrivals] = field(default_factory=dict)
    """By SSRC."""
    first_media: asyncio.Event = field(default_factory=asyncio.Event)
    asked_at: float = 0.0
    """When the connection to the door was opened."""
    answered_at: float = 0.0
    connected_at: float = 0.0
    """When keys stood."""
    first_media_at: float = 0.0
    """By the kernel's clock."""
    on_keyframe: Callable[[float], None] | None = None
    """Told of the first packet of each picture's stream that begins a keyframe: when it came, by the kernel's clock."""
    on_keyframe_wanted: Callable[[], None] | None = None
    """The bridge asks for a keyframe (RFC 4585, RFC 5104)."""
    location: str = ""
    ufrag: str = field(default_factory=lambda: secrets.token_hex(4))
    pwd: str = field(default_factory=lambda: secrets.token_hex(12))
    ssrcs: list[int] = field(default_factory=list)
    """Of what is sent, by m-line."""
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when keys stand."""
    _keeper: asyncio.Future[None] | None = None

    def offer(self, kinds: list[str], direction: str) -> str:
        """A short offer with one m-line per kind ("audio", "video")."""
        self.ssrcs = [secrets.randbits(31) + 1 for _ in kinds]
        return description.offer(kinds, direction, self.ufrag, self.pwd, certificate()[1], self.ssrcs)

    def browser_offer(self) -> str:
        """The offer to receive that Chromium makes, with our credentials in it."""
        return description.browser_offer(self.ufrag, self.pwd, certificate()[1])

    async def connect(self, url: str, token: str, offer: str) -> None:
        """Negotiates over the door at `url`, proves itself to ICE and DTLS, and returns when keys stand.

        Raises `DoorError`, `OSError`, `TimeoutError`.
        """
        self.asked_at = time.time()
        answer = await door.request("POST", url, token, offer)
        self.answered_at = time.time()
        if answer.status != 201:
            raise door.DoorError(f"the door answered {answer.status}: {answer.body}")
        self.location = url[: url.index("/", len("https://"))] + answer.headers["location"]
        self.start(description.parse_remote(answer.body))
        async with asyncio.timeout(_CONNECT_TIMEOUT):
            await self.connected.wait()

    def answer(self, offer: str) -> str:
        """The answer to an offer of the bridge's, the first of which starts the peer.

        Raises `ValueError` for an offer that is not understood, `OSError`.
        """
        if not self.is_started:
            self.start(description.parse_remote(offer))
        return description.answer(offer, self.ufrag, self.pwd, certificate()[1])

    @property
    def is_started(self) -> bool:
        """Whether it has a socket."""
        return self._keeper is not None

    def start(self, remote: Remote) -> None:
        """Proves itself to ICE and DTLS; `connected` says when keys stand. Raises `OSError`."""
        self.socket = sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, _RECEIVE_BUFFER)
        self.socket.setsockopt(sockets.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._sequence = {ssrc: secrets.randbits(15) for ssrc in self.ssrcs}
        self.remote = remote
        self.socket.connect(remote.address)
        self._username = f"{self.remote.ufrag}:{self.ufrag}"
        self._dtls: SSL.Connection | None = SSL.Connection(certificate()[0], None)
        self._dtls.set_connect_state()
        self._dtls.set_ciphertext_mtu(1200)
        self._receiver: Session | None = None
        self._sender: Session | None = None
        asyncio.get_running_loop().add_reader(self.socket, self._readable)
        self._keeper = asyncio.ensure_future(self._keep())

    def send(self, index: int, timestamp: int, payload: bytes, marker: bool = False) -> None:
        """Sends one RTP packet on the m-line `index`; the time of sending goes behind the payload."""
        assert self._sender is not None
        ssrc = self.ssrcs[index]
        self._sequence[ssrc] = sequence = (self._sequence[ssrc] + 1) & 0xFFFF
        payload_type = description.OPUS if index == 0 else description.VP8
        header = struct.pack("!BBHII", 0x80, payload_type | marker << 7, sequence, timestamp & 0xFFFFFFFF, ssrc)
        self.send_raw(self._sender.protect(header + payload + struct.pack("!d", time.time())))

    def send_raw(self, datagram: bytes) -> None:
        """Sends a datagram as it is."""
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            self.socket.send(datagram)

    async def close(self, token: str) -> None:
        """Ends the session at the door, and the socket."""
        self.abandon()
        await door.request("DELETE", self.location, token)

    def abandon(self) -> None:
        """Ends the socket without a word to the bridge. Idempotent."""
        if self._keeper is None:
            return
        asyncio.get_running_loop().remove_reader(self.socket)
        self._keeper.cancel()
        self._keeper = None
        self.socket.close()

    async def _keep(self) -> None:
        """ICE checks, and DTLS timers meanwhile."""
        while True:
            self.send_raw(binding_request(self._username, self.remote.pwd.encode()))
            if self.connected.is_set():
                await asyncio.sleep(_CONSENT_INTERVAL)
                continue
            await asyncio.sleep(_CHECK_INTERVAL)
            if self._dtls is not None and self._dtls.DTLSv1_get_timeout() == 0:
                self._dtls.DTLSv1_handle_timeout()
                self._flush(self._dtls)

    def _readable(self) -> None:
        for _ in range(32):
            try:
                data, ancillary, _, _ = self.socket.recvmsg(2048, 64)
            except (BlockingIOError, ConnectionRefusedError):
                return
            if 128 <= data[0] <= 191:
                self._on_media(data, ancillary)
            elif self._dtls is not None:
                if 20 <= data[0] <= 63:
                    self._dtls.bio_write(data)
                self._handshake(self._dtls)

    def _handshake(self, dtls: SSL.Connection) -> None:
        """Goes on with the handshake; the first answer to a check starts it."""
        try:
            dtls.do_handshake()
        except SSL.WantReadError:
            self._flush(dtls)
            return
        self._flush(dtls)
        keys = dtls.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (_KEY_LENGTH + _SALT_LENGTH))
        client_key, server_key, client_salt, server_salt = keys[:16], keys[16:32], keys[32:44], keys[44:]
        profile = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
        self._sender = Session(
            Policy(key=client_key + client_salt, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
        )
        self._receiver = Session(
            Policy(key=server_key + server_salt, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile)
        )
        self._dtls = None
        self.connected_at = time.time()
        self.connected.set()

    def _flush(self, dtls: SSL.Connection) -> None:
        """Sends what OpenSSL wrote; each DTLS record as a datagram of its own (the BIO loses their borders)."""
        try:
            data = dtls.bio_read(65536)
        except SSL.WantReadError:
            return
        while data:
            length = 13 + int.from_bytes(data[11:13], "big")
            self.send_raw(data[:length])
            data = data[length:]

    def _on_media(self, data: bytes, ancillary: list[tuple[int, int, bytes]]) -> None:
        if self._receiver is None:
            return
        if 192 <= data[1] <= 223:
            if self.on_keyframe_wanted is not None and self._asks_for_keyframe(data):
                self.on_keyframe_wanted()
            return
        seconds, nanos = struct.unpack("qq", ancillary[0][2][:16])
        now = seconds + nanos / 1e9
        sequence, timestamp, ssrc = struct.unpack_from("!HII", data, 2)
        entry = self.arrivals.get(ssrc)
        if entry is None:
            clock_rate = CLOCK_RATES.get(data[1] & 0x7F)
            packet = self._unprotected(data)
            if clock_rate is None or packet is None:
                return
            if self.on_keyframe is not None and data[1] & 0x7F == description.VP8:
                if not begins_keyframe(packet):
                    return
                self.on_keyframe(now)
            entry = self.arrivals[ssrc] = Arrivals(clock_rate)
            entry.begin(timestamp, _time_of_sending(packet))
            if not self.first_media.is_set():
                self.first_media_at = now
                self.first_media.set()
        entry.note(sequence, timestamp, now)

    def _unprotected(self, data: bytes) -> bytes | None:
        """A packet in clear; None for one that is not genuine."""
        assert self._receiver is not None
        try:
            return self._receiver.unprotect(data)
        except SrtpError:
            return None

    def _asks_for_keyframe(self, data: bytes) -> bool:
        assert self._receiver is not None
        try:
            return asks_for_keyframe(self._receiver.unprotect_rtcp(data))
        except SrtpError:
            return False


def _time_of_sending(packet: bytes) -> float:
    """What the other peer put behind the payload."""
    padding = packet[-1] if packet[0] & 0x20 else 0
    end = len(packet) - padding
    (sent,) = struct.unpack("!d", packet[end - 8 : end])
    return float(sent)
