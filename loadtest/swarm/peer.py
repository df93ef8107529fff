"""A light peer: one UDP socket, ICE checks, a DTLS-SRTP handshake, RTP in and out. No codecs, no jitter buffer."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import secrets
import socket
import struct
import time
from dataclasses import dataclass, field
from functools import cache

import httpx
from aioice import stun
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL, crypto
from pylibsrtp import Error as SrtpError
from pylibsrtp import Policy, Session

from loadtest.swarm.description import OPUS, VP8, offer, parse_answer

_KEY_LENGTH, _SALT_LENGTH = 16, 12
_SO_TIMESTAMPNS = 35
"""Linux: receive time by the kernel, so that our own scheduling does not count as delay."""


@cache
def _certificate() -> tuple[SSL.Context, str]:
    """One certificate for all peers of a process: its DTLS context and its fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loadtest")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
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
    context.use_certificate(crypto.X509.from_cryptography(certificate))
    context.use_privatekey(crypto.PKey.from_cryptography_key(key))
    context.set_tlsext_use_srtp(b"SRTP_AEAD_AES_128_GCM")
    fingerprint = ":".join(f"{byte:02X}" for byte in certificate.fingerprint(hashes.SHA256()))
    return context, fingerprint


@dataclass
class Arrivals:
    """What arrived on one SSRC."""

    packets: int = 0
    first: float = 0.0
    last: float = 0.0
    longest_gap: float = 0.0
    """Seconds between two packets that were sent without such a gap."""
    last_sent: float = 0.0


@dataclass
class LightPeer:
    """One WHIP or WHEP session. Times are seconds of the wall clock."""

    arrivals: dict[int, Arrivals] = field(default_factory=dict)
    first_media: asyncio.Event = field(default_factory=asyncio.Event)
    first_media_at: float = 0.0
    asked_at: float = 0.0
    connected_at: float = 0.0
    location: str = ""
    _ufrag: str = field(default_factory=lambda: secrets.token_hex(4))
    _pwd: str = field(default_factory=lambda: secrets.token_hex(12))

    async def connect(self, client: httpx.AsyncClient, url: str, token: str, kinds: list[str], direction: str) -> None:
        """Negotiates over the door at `url`, proves itself to ICE and DTLS, and returns when keys stand."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind(("127.0.0.1", 0))
        context, fingerprint = _certificate()
        self.ssrcs = [secrets.randbits(31) + 1 for _ in kinds]
        self._sequence = {ssrc: secrets.randbits(15) for ssrc in self.ssrcs}
        self.asked_at = time.time()
        answer = await client.post(
            url,
            content=offer(kinds, direction, self._ufrag, self._pwd, fingerprint, self.ssrcs),
            headers={"Content-Type": "application/sdp", "Authorization": f"Bearer {token}"},
        )
        if answer.status_code != 201:
            raise RuntimeError(f"the door answered {answer.status_code}: {answer.text}")
        self.location = str(answer.request.url.join(answer.headers["location"]))
        self._answer = parse_answer(answer.text)
        self._socket.connect(self._answer.address)
        self._connected = asyncio.Event()
        self._dtls: SSL.Connection | None = SSL.Connection(context, None)
        self._dtls.set_connect_state()
        self._dtls.set_ciphertext_mtu(1200)
        self._receiver: Session | None = None
        self._sender: Session | None = None
        loop = asyncio.get_running_loop()
        loop.add_reader(self._socket, self._readable)
        self._keeper = asyncio.ensure_future(self._keep())
        await asyncio.wait_for(self._connected.wait(), 15)
        self.connected_at = time.time()

    def send(self, index: int, timestamp: int, payload: bytes, marker: bool = False) -> None:
        """Sends one RTP packet on the m-line `index`; the send time goes before the payload's end."""
        assert self._sender is not None
        ssrc = self.ssrcs[index]
        self._sequence[ssrc] = sequence = (self._sequence[ssrc] + 1) & 0xFFFF
        payload_type = OPUS if index == 0 else VP8
        header = struct.pack("!BBHII", 0x80, payload_type | marker << 7, sequence, timestamp & 0xFFFFFFFF, ssrc)
        packet = self._sender.protect(header + payload + struct.pack("!d", time.time()))
        self._send_raw(packet)

    async def close(self, client: httpx.AsyncClient | None, token: str) -> None:
        """Ends the session at the door (where `client` is given) and the socket."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._keeper.cancel()
        await asyncio.gather(self._keeper, return_exceptions=True)
        if client is not None:
            await client.delete(self.location, headers={"Authorization": f"Bearer {token}"})
        self._socket.close()

    async def _keep(self) -> None:
        """ICE checks: fast until the handshake is through, then as consent asks for; DTLS timers meanwhile."""
        while True:
            self._check()
            if self._connected.is_set():
                await asyncio.sleep(5.0)
                continue
            await asyncio.sleep(0.05)
            if self._dtls is not None and self._dtls.DTLSv1_get_timeout() == 0:
                self._dtls.DTLSv1_handle_timeout()
                self._flush()

    def _check(self) -> None:
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{self._answer.ufrag}:{self._ufrag}"
        request.attributes["PRIORITY"] = 1862270975
        request.attributes["ICE-CONTROLLING"] = 1
        request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(self._answer.pwd.encode())
        request.add_fingerprint()
        self._send_raw(bytes(request))

    def _send_raw(self, datagram: bytes) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            self._socket.send(datagram)

    def _readable(self) -> None:
        for _ in range(32):
            try:
                data, ancillary, _, _ = self._socket.recvmsg(2048, 64)
            except (BlockingIOError, ConnectionRefusedError):
                return
            if 128 <= data[0] <= 191:
                self._on_media(data, ancillary)
            elif 20 <= data[0] <= 63:
                self._on_dtls(data)
            elif data[0] < 4 and self._dtls is not None and not self._connected.is_set():
                self._handshake()

    def _on_dtls(self, data: bytes) -> None:
        if self._dtls is None:
            return
        self._dtls.bio_write(data)
        self._handshake()

    def _handshake(self) -> None:
        assert self._dtls is not None
        try:
            self._dtls.do_handshake()
        except SSL.WantReadError:
            self._flush()
            return
        self._flush()
        keys = self._dtls.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (_KEY_LENGTH + _SALT_LENGTH))
        client_key, server_key, client_salt, server_salt = (
            keys[0:16],
            keys[16:32],
            keys[32:44],
            keys[44:56],
        )
        profile = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
        self._sender = Session(
            Policy(key=client_key + client_salt, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
        )
        self._receiver = Session(
            Policy(key=server_key + server_salt, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile)
        )
        self._dtls = None
        self._connected.set()

    def _flush(self) -> None:
        """Sends what OpenSSL wrote; each DTLS record as a datagram of its own (the BIO loses their borders)."""
        assert self._dtls is not None
        try:
            data = self._dtls.bio_read(65536)
        except SSL.WantReadError:
            return
        while data:
            length = 13 + int.from_bytes(data[11:13], "big")
            self._send_raw(data[:length])
            data = data[length:]

    def _on_media(self, data: bytes, ancillary: list[tuple[int, int, bytes]]) -> None:
        if self._receiver is None or 192 <= data[1] <= 223:
            return
        try:
            packet = self._receiver.unprotect(data)
        except SrtpError:
            return
        seconds, nanos = struct.unpack("qq", ancillary[0][2][:16])
        now = seconds + nanos / 1e9
        if not self.first_media.is_set():
            self.first_media_at = now
            self.first_media.set()
        ssrc = int.from_bytes(packet[8:12], "big")
        entry = self.arrivals.setdefault(ssrc, Arrivals())
        (sent,) = struct.unpack("!d", packet[-8:])
        if entry.packets and sent - entry.last_sent < 0.03:
            entry.longest_gap = max(entry.longest_gap, now - entry.last)
        entry.packets += 1
        entry.first = entry.first or now
        entry.last, entry.last_sent = now, sent
