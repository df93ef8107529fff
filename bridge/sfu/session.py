"""The media of one participant: a publish and a subscribe connection."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, TypedDict

from bridge.errors import BridgeError
from bridge.sfu import ice
from bridge.sfu.level_pace import LevelPace
from bridge.sfu.parties import Party
from bridge.sfu.publish_connection import PublishConnection
from bridge.sfu.quality import Sample, SessionQuality, sample_of
from bridge.sfu.router import Router
from bridge.sfu.sdp.error import SdpError
from bridge.sfu.settings import MediaSettings
from bridge.sfu.subscribe_connection import SubscribeConnection
from bridge.sfu.transport import WebRtcTransport
from bridge.sfu.types import (
    AUTO_LAYOUT,
    AudioLevel,
    ComposedLayout,
    ConnectionKind,
    ConnectionState,
    LegReport,
    PublishResult,
    QualityReport,
    SessionListener,
    SubscribeOffer,
    SubscribeResult,
    Subscription,
    View,
    WatchResult,
)
from bridge.sfu.watch_connection import WatchConnection

if TYPE_CHECKING:
    from bridge._core import TransportStats

TransportFactory = Callable[[Router, Callable[[ConnectionState], None]], WebRtcTransport]


class SessionStats(TypedDict):
    """Statistics of both connections, as the core tells them; None for one that does not exist."""

    publish: TransportStats | None
    subscribe: TransportStats | None


class MediaSession:
    """The media of one participant. Made by `Sfu.open_session`.

    Every method raises `BridgeError` and leaves what was negotiated before as it was: `sdp_invalid` (the field names
    the line), `session_closed`, and those listed at each method.
    """

    def __init__(
        self,
        session_id: str,
        router: Router,
        listener: SessionListener,
        settings: MediaSettings,
        make_transport: TransportFactory,
        on_closed: Callable[[MediaSession], None],
    ) -> None:
        self.session_id = session_id
        self.room_id = router.room_id
        self._router = router
        self._listener = listener
        self._settings = settings
        self._make_transport = make_transport
        self._on_closed = on_closed
        self._closed = False
        self._publish: PublishConnection | None = None
        self._receive: SubscribeConnection | WatchConnection | None = None
        self._levels = LevelPace(listener.on_audio_levels)
        self._quality = SessionQuality()
        self._samples: tuple[Sample, Sample] = (Sample(), Sample())

    async def publish(self, offer: str, *, prefer: Sequence[str] = ()) -> PublishResult:
        """Answers an offer of the publish connection.

        Call it again for re-offers, also with new ICE credentials (ICE restart); a re-offer with another DTLS
        fingerprint or another order of MIDs raises `sdp_invalid`.

        The answer keeps the offer's order of codecs, but puts VP8 before H.264 for the sake of receivers without it.
        Names in `prefer` ("H264", "AV1") come first instead, if offered.
        """
        self._check_open()
        # A connection becomes the session's only once it has answered: a refused first offer leaves nothing behind.
        connection = self._publish or PublishConnection(
            self._router,
            self.session_id,
            self._settings.limits,
            lambda: self._transport(ConnectionKind.PUBLISH),
            lambda producer_id, live: self._listener.on_producer(producer_id, live),
            lambda producer_id, wanted: self._listener.on_encodings_wanted(producer_id, wanted),
            self._listener.heeds_encodings,
        )
        result = connection.publish(offer, prefer)
        self._publish = connection
        return result

    def pause_producer(self, producer_id: int, paused: bool) -> None:
        """Stops or resumes forwarding a producer of this session to anyone. Raises `unknown_producer`."""
        self._publishing().pause(producer_id, paused)

    def close_producer(self, producer_id: int) -> None:
        """Ends a producer of this session without a re-offer. Raises `unknown_producer`."""
        self._publishing().close_producer(producer_id)

    def set_subscriptions(
        self,
        wanted: Sequence[Subscription],
        view: View = View.SEPARATE,
        layout: ComposedLayout = AUTO_LAYOUT,
        *,
        hidden: bool = False,
    ) -> None:
        """Says the whole set of producers to receive over a subscribe connection offered by the bridge.

        Producers no longer wanted stop at once; `paused` takes effect at once; new ones start with the answer to the
        offer that `SessionListener.on_negotiation_needed` asks for. Unknown producers are left out and reported by the
        next `subscribe_answer`. With a composed `view` one picture of everybody comes in place of the videos among
        them, laid out as `layout` says, which `SessionListener.on_view` tells; while the client has that `hidden` it is
        not sent, and not made unless others show it. Raises `too_many_subscriptions`.
        """
        self._subscribing().set_subscriptions(wanted, view, layout, hidden=hidden)

    def show_parties(self, parties: Sequence[Party]) -> None:
        """Says who is in the room, for whoever receives it composed or mixed: all of them, in order of joining."""
        self._check_open()
        self._router.compositions.show(parties)

    def hear_always(self, producer_ids: Sequence[int]) -> None:
        """Says which audio producers of the room are forwarded to everyone, however many others are louder."""
        self._check_open()
        self._router.select_speakers(always=producer_ids)

    async def subscribe_offer(self, *, ice_restart: bool = False) -> SubscribeOffer:
        """An offer for all that is wanted now. It supersedes one that is still unanswered.

        Raises `nothing_to_offer` while nothing was ever wanted: there is no m-line to offer then.
        """
        return self._subscribing().offer(ice_restart=ice_restart)

    async def subscribe_answer(self, answer: str, revision: int) -> SubscribeResult:
        """Takes the client's answer to the offer of this revision. Raises `stale_answer` if it was superseded."""
        return self._subscribing().answer(answer, revision)

    async def watch(
        self,
        offer: str,
        producers: Sequence[Subscription],
        *,
        view: View = View.SEPARATE,
        layout: ComposedLayout = AUTO_LAYOUT,
        without: str | None = None,
    ) -> WatchResult:
        """Answers a recvonly offer (WHEP): places the producers, in this order, on the m-lines offered.

        A session either watches or has a bridge-offered subscribe connection (`wrong_connection`). Call it again for
        re-offers: what is placed already stays on its m-line as long as it is wanted.

        With a composed view it is one picture of everybody instead, laid out as `layout` says, and one sound of
        everybody but the participant `without`; where no leg can be started for it, the producers are placed as they
        are.
        """
        self._check_open()
        if isinstance(self._receive, SubscribeConnection):
            raise BridgeError("wrong_connection", "this session's subscribe connection is offered by the bridge")
        connection = self._receive or WatchConnection(
            self._router,
            self._settings.limits,
            lambda: self._transport(ConnectionKind.SUBSCRIBE),
            lambda producer_id, live: self._listener.on_consumer(producer_id, live),
        )
        result = connection.watch(offer, producers, composed=layout if view is View.COMPOSED else None, without=without)
        self._receive = connection
        return result

    def pause_subscription(self, producer_id: int, paused: bool) -> None:
        """Pauses or resumes what a watching session receives of a producer; without effect if it receives nothing."""
        if isinstance(self._receive, WatchConnection):
            self._receive.pause(producer_id, paused)

    def trickles(self, kind: ConnectionKind, fragment: str) -> bool:
        """Whether a fragment tells candidates, with the ICE credentials that the peer has, and so changes nothing.

        Raises `SdpError` for one that cannot be read.
        """
        connection = self._publish if kind is ConnectionKind.PUBLISH else self._receive
        said = ice.read_fragment(fragment)
        peer = None if connection is None else connection.negotiated.peer
        if peer is None or said.credentials is None:
            return False
        return said.trickles and (said.credentials.ufrag, said.credentials.pwd) == (peer.ice_ufrag, peer.ice_pwd)

    async def restart_ice(self, kind: ConnectionKind, fragment: str, *, demanded: bool) -> str | None:
        """Takes the body of a WHIP/WHEP PATCH (`application/trickle-ice-sdpfrag`, RFC 8840).

        Returns the fragment to answer with if it was an ICE restart (its credentials are new), None if it only told
        candidates, which a lite agent has no use for. Raises `no_connection` if there is none of this kind, and
        `SdpError` for a fragment that cannot be read, or restarts nothing where a restart is `demanded`.
        """
        self._check_open()
        connection = self._publish if kind is ConnectionKind.PUBLISH else self._receive
        if connection is None or connection.transport is None:
            raise BridgeError("no_connection", f"there is no {kind} connection")
        said = ice.read_fragment(fragment)
        credentials = said.credentials
        if credentials is None or not connection.negotiated.take_credentials(credentials.ufrag, credentials.pwd):
            # MediaMTX's pages demand a restart (`If-Match: *`) with candidates of the session that runs: they trickle.
            if demanded and (credentials is None or not said.trickles):
                raise SdpError(
                    "an ICE restart brings new credentials",
                    line=said.line,
                    hint="send new a=ice-ufrag and a=ice-pwd; to trickle, name the newest ETag in If-Match",
                )
            return None
        await connection.transport.give_up_udp()
        self._check_open()
        connection.transport.restart_ice()
        if connection.negotiated.peer is not None:
            connection.transport.connect(connection.negotiated.peer)
        local = connection.transport.local
        mid, media = connection.negotiated.first_media
        return ice.write_fragment(ice.Credentials(local.ice_ufrag, local.ice_pwd), mid, media, local.candidates)

    def request_keyframe(self, producer_id: int) -> None:
        """Asks the publisher of a producer of this room for a keyframe (throttled by the core).

        Raises `unknown_producer`.
        """
        self._check_open()
        if producer_id not in self._router.producers:
            raise BridgeError("unknown_producer", "the room has no such producer", field="producer")
        self._router.worker.core.request_keyframe(producer_id)

    async def stats(self) -> SessionStats:
        """Statistics of both connections."""
        return {
            "publish": await self._transport_stats(self._publish),
            "subscribe": await self._transport_stats(self._receive),
        }

    async def flight_records(self) -> dict[str, bytes]:
        """What the connections did lately (docs/flight-record.md), by "publish" and "subscribe"."""
        records = {}
        for name, connection in (("publish", self._publish), ("subscribe", self._receive)):
            if not self._closed and connection is not None and connection.transport is not None:
                record = await self._router.worker.flight_record(connection.transport.transport_id)
                if record is not None:
                    records[name] = record
        return records

    async def sample(self) -> SessionStats:
        """Statistics of both connections, from which the session's quality is rated: to be called every few seconds."""
        stats = await self.stats()
        kinds = {key: published.producer.kind for key, published in self._router.producers.items()}
        repeated = 0 if self._receive is None else self._receive.repeated
        if self._quality.update(stats["publish"], stats["subscribe"], kinds, repeated) and not self._closed:
            self._listener.on_quality(self.quality)
        self._samples = (
            sample_of(self._quality.publish.streams, self._codecs(stats["publish"], "producers")),
            sample_of(self._quality.subscribe.streams, self._codecs(stats["subscribe"], "consumers")),
        )
        return stats

    @property
    def samples(self) -> tuple[Sample, Sample]:
        """What the session sends and what it receives, as of the last sample."""
        return self._samples

    @property
    def quality(self) -> QualityReport:
        """How good both directions are, by the samples so far."""
        return self._quality.report()

    async def close(self) -> None:
        """Ends both connections, their producers and consumers. Idempotent; the listener hears nothing more."""
        if self._closed:
            return
        self._closed = True
        self._levels.close()
        self._on_closed(self)
        with contextlib.ExitStack() as closing:
            # Both, even if the worker of the one closed first has just died and takes no command any more.
            for connection in (self._publish, self._receive):
                if connection is not None:
                    closing.callback(connection.close)
        # The connections know this session. Without the cycle all of it is freed now, and not when the collector comes
        # round: it does not see how much OpenSSL holds.
        self._publish = self._receive = None

    def producers_ended(self, producer_ids: Sequence[int]) -> None:
        """Told by the router: producers of the room ended."""
        if self._receive is not None:
            self._receive.producers_ended(producer_ids)

    def layers_changed(self, producer_id: int) -> None:
        """Told by the router: the layers of a producer of the room changed."""
        if self._receive is not None:
            self._receive.layers_changed(producer_id)

    def audio_levels(self, levels: Sequence[AudioLevel]) -> None:
        """Told by the router: who is heard in the room."""
        receives = self._receive if isinstance(self._receive, SubscribeConnection) else None
        self._levels.update(levels, None if receives is None else receives.bitrate)

    def active_speaker(self, producer_id: int | None) -> None:
        """Told by the router: who speaks now."""
        self._listener.on_active_speaker(producer_id)

    def legs_changed(self, legs: Sequence[LegReport]) -> None:
        """Told by the router: other legs run now."""
        self._listener.on_legs(legs)

    def lost(self, reason: str) -> None:
        """Told by the router: the worker died."""
        if self._closed:
            return
        self._closed = True
        self._levels.close()
        for connection in (self._receive, self._publish):
            if connection is not None:
                connection.abandon()
        self._publish = self._receive = None
        self._listener.on_closed(reason)

    def _transport(self, kind: ConnectionKind) -> WebRtcTransport:
        def on_state(state: ConnectionState) -> None:
            if self._closed:
                return
            self._listener.on_connection(kind, state)
            gone = state in (ConnectionState.DISCONNECTED, ConnectionState.FAILED)
            if gone and self._quality.lost(publish=kind is ConnectionKind.PUBLISH):
                self._listener.on_quality(self.quality)

        def on_narrow_path() -> None:
            if self._closed:
                return
            self._listener.on_restart_wanted(kind)
            # The others take the same way, and look more seldom where they send little.
            for each in (self._publish, self._receive):
                if each is not None and each.transport is not None and each.transport is not transport:
                    each.transport.leave_narrow_path()

        transport = self._make_transport(self._router, on_state)
        transport.on_narrow_path = on_narrow_path
        transport.restarts_ice = self._listener.restarts_ice
        others = [each.transport for each in (self._publish, self._receive) if each is not None]
        if any(other is not None and other.tcp_only for other in others):
            transport.leave_udp()
        return transport

    def _codecs(self, stats: TransportStats | None, carried: Literal["producers", "consumers"]) -> frozenset[str]:
        """The codecs of what flows over a transport."""
        ids = [] if stats is None else [each["producer_id"] for each in stats[carried] if each["bitrate"] > 0]
        published = [self._router.producers[key] for key in ids if key in self._router.producers]
        return frozenset(name for each in published for name in each.producer.codecs[:1])

    async def _transport_stats(
        self, connection: PublishConnection | SubscribeConnection | WatchConnection | None
    ) -> TransportStats | None:
        if self._closed or connection is None or connection.transport is None:
            return None
        return await self._router.worker.transport_stats(connection.transport.transport_id)

    def _publishing(self) -> PublishConnection:
        self._check_open()
        if self._publish is None:
            raise BridgeError("unknown_producer", "this session publishes nothing", field="producer")
        return self._publish

    def _subscribing(self) -> SubscribeConnection:
        self._check_open()
        if self._receive is None:
            self._receive = SubscribeConnection(
                self._router,
                self._settings.limits,
                lambda: self._transport(ConnectionKind.SUBSCRIBE),
                lambda producer_id, live: self._listener.on_consumer(producer_id, live),
                lambda: self._listener.on_negotiation_needed(),
                lambda producer_id, state: self._listener.on_video_state(producer_id, state),
                lambda state: self._listener.on_view(state),
            )
        if isinstance(self._receive, WatchConnection):
            raise BridgeError("wrong_connection", "this session's subscribe connection is offered by the client")
        return self._receive

    def _check_open(self) -> None:
        if self._closed:
            raise BridgeError("session_closed", "the media session has ended", hint="join again")
