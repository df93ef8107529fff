"""One ICE/DTLS association with a client: the core's transport and the DTLS endpoint that keys it.

States go NEW → CONNECTING (ICE is up) → CONNECTED (keys are set) ⇄ DISCONNECTED (consent ran out), and end in FAILED or
CLOSED. The peer's half may be told late (`connect`): its ClientHello can overtake its answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from bridge.sfu import ice
from bridge.sfu.certificate import Certificate
from bridge.sfu.dtls import DtlsEndpoint, DtlsState
from bridge.sfu.handshakes import HandshakeQueue
from bridge.sfu.ice import Credentials
from bridge.sfu.sdp.extensions import TRANSPORT_CC
from bridge.sfu.sdp.transport import DtlsRole, LocalTransport, PeerTransport
from bridge.sfu.settings import MediaSettings
from bridge.sfu.types import ConnectionState
from bridge.sfu.workers import WorkerHandle

if TYPE_CHECKING:
    from bridge._core import EstimateEvent, Event, HeaderExtension, SrtpParams, TransportUpdate

logger = logging.getLogger(__name__)

NARROW_PATH_FLIGHTS = 5
"""ClientHellos in a row of which some part is missing that tell of a path with a small MTU.

Browsers' take two datagrams since they bring post-quantum keys. Where the path swallows the large one, the small one
comes alone, with each retransmission. Firefox makes the large one smaller after three of them; Chromium never does,
nor does it say anything: it would try for ever. The fifth comes 0.8 s after the first. Losses alone, of a fifth of all
packets, do this to one handshake in three thousand.
"""

NEXT_CHECK_SECONDS = 1.5
"""The longest wait for a check over UDP that can be refused, before the ICE restart that leads to TCP.

Chromium drops its TCP paths while one over UDP answers on the same interface, also those of a restart, and gives that
one up when a check is refused. Before there are keys it checks at least once in 1.4 s: every 0.9 s, looked at each
0.48 s. Others, which check less often, take TCP beside UDP.
"""

STABLE_NEXT_CHECK_SECONDS = 3.2
"""The same in mid-call, when Chromium checks every 2.5 s, looked at each 0.48 s."""

REFUSAL_ARRIVES_SECONDS = 0.3
"""From the refusal to the restart: it has to have arrived before. A client may see its path fail, and restart first."""

_ENDED = (ConnectionState.FAILED, ConnectionState.CLOSED)


class WebRtcTransport:
    """A transport on a worker. Made when the first offer is answered or made."""

    def __init__(
        self,
        worker: WorkerHandle,
        transport_id: int,
        router_id: int,
        certificate: Certificate,
        handshakes: HandshakeQueue,
        settings: MediaSettings,
        on_state: Callable[[ConnectionState], None],
    ) -> None:
        self.transport_id = transport_id
        self.state = ConnectionState.NEW
        self.failure: str | None = None
        """Why it is FAILED, as a word: those of `DtlsEndpoint.failure`, `handshake_timeout`, `panic` …"""
        self.peer: PeerTransport | None = None
        self.on_estimate: Callable[[EstimateEvent], None] | None = None
        """Told what the line to the peer carries."""
        self.on_narrow_path: Callable[[], None] | None = None
        """Told that the path swallows large UDP packets, and ICE is to be restarted, which leads to TCP."""
        self.restarts_ice: Callable[[], bool] = lambda: False
        """Whether `on_narrow_path` has the peer restart ICE."""
        self.tcp_only = False
        """Whether its path was found to swallow large UDP packets: what is offered from now on is TCP."""
        self._left_udp = False
        self._udp_refused = asyncio.Event()
        self._worker = worker
        self._certificate = certificate
        self._credentials = Credentials.make()
        self._handshakes = handshakes
        self._settings = settings
        self._on_state = on_state
        self._dtls: DtlsEndpoint | None = None
        self._ice_connected = False
        self._keyed = False
        self._released = False
        self._retransmission: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._restart: asyncio.TimerHandle | None = None
        self._extensions: dict[str, dict[str, int]] = {"receive": {}, "send": {}}
        self._incoming_bound: int | None = None
        worker.core.create_webrtc_transport(
            transport_id,
            {"router_id": router_id, "ice_ufrag": self._credentials.ufrag, "ice_pwd": self._credentials.pwd},
        )
        worker.route(transport_id, self._on_event)

    @property
    def local(self) -> LocalTransport:
        """Our half, for the SDP."""
        credentials, fingerprint = self._credentials, self._certificate.fingerprint
        candidates = self._worker.candidates
        return LocalTransport(
            credentials.ufrag, credentials.pwd, fingerprint, ice.tcp_only(candidates) if self.tcp_only else candidates
        )

    @property
    def role(self) -> DtlsRole | None:
        """Our DTLS role, once the peer has left it to us."""
        return None if self.peer is None else self.peer.role

    def connect(self, peer: PeerTransport) -> None:
        """Tells the peer's half. Later calls may bring other ICE credentials, nothing else."""
        before, self.peer = self.peer, peer
        if self.state in _ENDED:
            return
        if before is None or (before.ice_ufrag, before.ice_pwd) != (peer.ice_ufrag, peer.ice_pwd):
            update: TransportUpdate = {"peer_ice": {"ufrag": peer.ice_ufrag, "pwd": peer.ice_pwd}}
            self._worker.core.update_transport(self.transport_id, update)
        if before is not None:
            return
        if peer.role == "client":
            # Whatever a server endpoint was given before was no ClientHello of this peer.
            self._dtls = None
        endpoint = self._endpoint()
        endpoint.set_peer_fingerprints(peer.fingerprints)
        if self._ice_connected and peer.role == "client":
            self._start_handshake(endpoint)
        self._flush()

    def restart_ice(self) -> None:
        """New credentials of ours; the old ones serve until a check with the new ones succeeds."""
        self._credentials = Credentials.make()
        if self._restart is not None:
            self._restart.cancel()
            self._restart = None
        self._worker.core.restart_ice(self.transport_id, self._credentials.ufrag, self._credentials.pwd)
        if self.tcp_only:
            self.leave_udp()

    async def give_up_udp(self) -> None:
        """Before a restart that leads to TCP: waits until the peer has given up a UDP path that it keeps as yet.

        Chromium drops TCP candidates beside a UDP path that works, and has nothing left once its checks are refused.
        """
        if self.tcp_only and not self._left_udp and self.state is ConnectionState.CONNECTED:
            self.leave_udp()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._udp_refused.wait(), STABLE_NEXT_CHECK_SECONDS)
            await asyncio.sleep(REFUSAL_ARRIVES_SECONDS)

    def leave_udp(self) -> None:
        """Offers TCP candidates only from now on, and refuses checks over UDP, so that the peer tries them."""
        self.tcp_only = True
        if not self._left_udp:
            self._left_udp = True
            self._worker.core.update_transport(self.transport_id, {"leave_udp": True})

    def set_receive_extensions(self, ids: Mapping[str, int]) -> None:
        """Header extensions of what the peer sends: id by URI."""
        self._update_extensions("receive", ids)

    def set_send_extensions(self, ids: Mapping[str, int]) -> None:
        """Header extensions of what is sent to the peer: id by URI."""
        self._update_extensions("send", ids)

    def is_told(self, feedback: Collection[str]) -> bool:
        """Whether the peer is to tell of single packets what arrives, which has this feedback for them."""
        return TRANSPORT_CC in self._extensions["send"] or "ack ccfb" in feedback

    def bound_incoming(self, bitrate: int | None) -> None:
        """Has the peer told by REMB, where it negotiated that, what it is to send at most.

        In bit/s with headers; None for no bound.
        """
        if self.state not in _ENDED and bitrate != self._incoming_bound:
            self._incoming_bound = bitrate
            self._worker.core.update_transport(self.transport_id, {"max_incoming_bitrate": bitrate or 0})

    def close(self) -> None:
        """Says goodbye and gives it back to the worker. Idempotent; the listener hears nothing of it."""
        if self._released:
            return
        if self._dtls is not None and self.state not in _ENDED:
            self._dtls.close()
            self._send(self._dtls)
        self.abandon()
        self._worker.core.close_transport(self.transport_id)

    def abandon(self) -> None:
        """Forgets it without a word to the worker, who has died."""
        self._released = True
        self._end(ConnectionState.CLOSED)

    def receive_dtls(self, datagram: bytes) -> None:
        """Takes one DTLS datagram, when its turn has come (`HandshakeQueue`)."""
        if self.state in _ENDED:
            return
        endpoint = self._endpoint()
        self._start_deadline(endpoint)
        endpoint.receive(datagram)
        self._flush()
        if endpoint.partial_flights >= NARROW_PATH_FLIGHTS:
            self.leave_narrow_path()

    def leave_narrow_path(self) -> None:
        """The path swallows long packets: goes over to TCP, where there is any and the peer can be brought to it."""
        if self.state in _ENDED or self.tcp_only or not ice.tcp_only(self._worker.candidates):
            return
        logger.info("a path swallows large UDP packets: its connection is to run over TCP")
        if self.state is ConnectionState.CONNECTED and not self.restarts_ice():
            # Sound and small pictures still pass: more than is left to a peer that loses its path and knows no other.
            # It goes over to TCP when it restarts ICE by itself.
            self.tcp_only = True
            self._worker.core.update_transport(self.transport_id, {"leave_udp_at_restart": True})
            self._want_restart()
            return
        self.leave_udp()
        self._restart_in(STABLE_NEXT_CHECK_SECONDS if self._keyed else NEXT_CHECK_SECONDS)

    def _on_udp_refused(self) -> None:
        self._udp_refused.set()
        if self._restart is not None:
            self._restart.cancel()
            self._restart_in(REFUSAL_ARRIVES_SECONDS)

    def _restart_in(self, seconds: float) -> None:
        self._restart = asyncio.get_running_loop().call_later(seconds, self._want_restart)

    def _want_restart(self) -> None:
        self._restart = None
        if self.on_narrow_path is not None:
            self.on_narrow_path()

    def _endpoint(self) -> DtlsEndpoint:
        if self._dtls is None:
            self._dtls = DtlsEndpoint(
                self._certificate,
                self.role or "server",
                max_handshake_bytes=self._settings.limits.handshake_bytes,
            )
        return self._dtls

    def _on_event(self, event: Event) -> None:
        match event["type"]:
            case "ice":
                self._on_ice(connected=event["state"] == "connected")
            case "dtls":
                self._handshakes.submit(self, event["datagrams"])
            case "narrow_path":
                self.leave_narrow_path()
            case "udp_refused":
                self._on_udp_refused()
            case "estimate":
                if self.on_estimate is not None:
                    self.on_estimate(event)
            case "transport_closed":
                logger.error("a transport was lost: %s", event["reason"])
                self._fail(event["reason"])
            case "command_failed":
                # What was asked of it may have been media that somebody now waits for in vain.
                if event["command"] in ("create_webrtc_transport", "set_srtp"):
                    self._fail("command_failed")

    def _on_ice(self, *, connected: bool) -> None:
        self._ice_connected = connected
        if self.state in _ENDED:
            return
        if not connected:
            self._set_state(ConnectionState.DISCONNECTED)
            return
        self._set_state(ConnectionState.CONNECTED if self._keyed else ConnectionState.CONNECTING)
        if self.role == "client":
            self._start_handshake(self._endpoint())
            self._flush()

    def _start_handshake(self, endpoint: DtlsEndpoint) -> None:
        if endpoint.state is DtlsState.HANDSHAKE:
            self._start_deadline(endpoint)
            endpoint.start()

    def _start_deadline(self, endpoint: DtlsEndpoint) -> None:
        if self._deadline is None and endpoint.state is DtlsState.HANDSHAKE:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(self._settings.timeouts.handshake, self._fail, "handshake_timeout")

    def _flush(self) -> None:
        """Does what follows from what the endpoint was told."""
        endpoint = self._dtls
        if endpoint is None or self.state in _ENDED:
            return
        self._send(endpoint)
        self._schedule_retransmission(endpoint)
        match endpoint.state:
            case DtlsState.CONNECTED:
                if endpoint.srtp is not None and not self._keyed:
                    self._key(endpoint.srtp)
            case DtlsState.UNVERIFIED:
                # The handshake is done; only the peer's answer, which has its own deadlines, is missing.
                self._cancel_deadline()
            case DtlsState.FAILED:
                self._fail(endpoint.failure or "handshake_error")
            case DtlsState.CLOSED:
                self._finish(ConnectionState.CLOSED)

    def _key(self, keys: SrtpParams) -> None:
        self._keyed = True
        self._cancel_deadline()
        self._worker.core.set_srtp(self.transport_id, keys)
        if self._ice_connected:
            self._set_state(ConnectionState.CONNECTED)

    def _send(self, endpoint: DtlsEndpoint) -> None:
        datagrams = endpoint.take_datagrams()
        if datagrams:
            self._worker.core.send_dtls(self.transport_id, datagrams)

    def _schedule_retransmission(self, endpoint: DtlsEndpoint) -> None:
        if self._retransmission is not None:
            self._retransmission.cancel()
            self._retransmission = None
        timeout = endpoint.next_timeout()
        if timeout is not None:
            loop = asyncio.get_running_loop()
            self._retransmission = loop.call_later(timeout, self._retransmit)

    def _retransmit(self) -> None:
        self._retransmission = None
        if self._dtls is not None:
            self._dtls.handle_timeout()
            self._flush()

    def _update_extensions(self, direction: str, ids: Mapping[str, int]) -> None:
        if self._extensions[direction] == ids:
            return
        self._extensions[direction] = dict(ids)
        listed: list[HeaderExtension] = [{"uri": uri, "id": identifier} for uri, identifier in ids.items()]
        update: TransportUpdate = (
            {"receive_extensions": listed} if direction == "receive" else {"send_extensions": listed}
        )
        self._worker.core.update_transport(self.transport_id, update)

    def _fail(self, failure: str) -> None:
        if self.state not in _ENDED:
            self.failure = failure
            self._finish(ConnectionState.FAILED)

    def _finish(self, state: ConnectionState) -> None:
        """It has ended by itself: the listener is told, who closes it."""
        self._end(state)
        self._on_state(state)

    def _end(self, state: ConnectionState) -> None:
        self.state = state
        # OpenSSL's memory goes now, whoever still knows this transport.
        self._dtls = None
        self.on_estimate = None
        self.on_narrow_path = None
        self.restarts_ice = lambda: False
        self._cancel_deadline()
        for timer in (self._retransmission, self._restart):
            if timer is not None:
                timer.cancel()
        self._retransmission = self._restart = None
        self._handshakes.forget(self)
        self._worker.unroute(self.transport_id)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _set_state(self, state: ConnectionState) -> None:
        if self.state is not state:
            self.state = state
            self._on_state(state)
