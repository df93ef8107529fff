"""The connection that a client receives on, when the bridge offers it; renegotiated as producers come and go.

M-lines are never taken away (RFC 8829): when a producer leaves, its m-line becomes inactive, and once the client has
answered that, it is reused for the next producer of its kind. Consumers that go on are not touched by a renegotiation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bridge.errors import BridgeError
from bridge.sfu.allocation.model import Source, VideoState
from bridge.sfu.composed_view import ComposedView
from bridge.sfu.consumers import Consumers, ConsumerSpec
from bridge.sfu.detours import Detours
from bridge.sfu.line_look import LineLook
from bridge.sfu.router import PublishedProducer, Router
from bridge.sfu.sdp import codecs, extensions, parser, subscribe_offer, writer
from bridge.sfu.sdp.codecs import MediaCodec
from bridge.sfu.sdp.description import MediaDescription, Msid, SessionDescription
from bridge.sfu.sdp.error import SdpError
from bridge.sfu.sdp.payload_types import PayloadTypes, redundancy, translate
from bridge.sfu.sdp.renegotiation import Negotiated
from bridge.sfu.sdp.subscribe_offer import OfferedMedia, Sending
from bridge.sfu.sdp.transport import PeerTransport, peer_transport
from bridge.sfu.settings import MediaLimits
from bridge.sfu.thinning import Thinning
from bridge.sfu.transport import WebRtcTransport
from bridge.sfu.types import (
    ComposedLayout,
    SubscribeOffer,
    SubscribeResult,
    Subscription,
    UnsupportedCode,
    UnsupportedSubscription,
    View,
    ViewState,
)

if TYPE_CHECKING:
    from bridge._core import EstimateEvent


@dataclass
class _MediaLine:
    """An m-line of the connection."""

    mid: str
    kind: str
    codecs: tuple[MediaCodec, ...]
    producer_id: int | None = None
    sending: Sending | None = None
    agreed: Sending | None = None
    """What the client has last agreed to receive on it."""
    free: bool = False
    """Whether the client has answered it while it was inactive, so that it may be reused."""
    rejected: bool = False

    def offered(self) -> OfferedMedia:
        """As the next offer says it."""
        return OfferedMedia(self.mid, self.kind, self.codecs, self.sending, self.rejected)


@dataclass(frozen=True)
class _Outstanding:
    """An offer that waits for its answer."""

    revision: int
    media: tuple[OfferedMedia, ...]


class SubscribeConnection:
    """One client's receiving connection, offered by the bridge."""

    def __init__(
        self,
        router: Router,
        limits: MediaLimits,
        make_transport: Callable[[], WebRtcTransport],
        on_consumer: Callable[[int, bool], None],
        on_negotiation_needed: Callable[[], None],
        on_video_state: Callable[[int, VideoState], None],
        on_view: Callable[[ViewState], None],
    ) -> None:
        self.transport: WebRtcTransport | None = None
        self.negotiated = Negotiated()
        self._router = router
        self._limits = limits
        self._make_transport = make_transport
        self._on_negotiation_needed = on_negotiation_needed
        self._tell_video_state = on_video_state
        self._consumers = Consumers(
            router, lambda key, live: on_consumer(self._detours.source_of(key), live), self._on_video_state
        )
        self._payload_types = PayloadTypes()
        self._asked: Sequence[Subscription] = ()
        self._wanted: dict[int, Subscription] = {}
        """What is asked for, or the composed picture in place of the videos among that."""
        self._composed = ComposedView(router, self._consumers, on_view)
        self._lines: list[_MediaLine] = []
        self._mids = 0
        self._outstanding: _Outstanding | None = None
        self._unsupported: dict[int, UnsupportedSubscription] = {}
        self._detours = Detours(router, self._consumers)
        self._thinning = Thinning(self._consumers, self._detours, self._negotiate_anew)
        self._check: asyncio.Handle | None = None
        self._look = LineLook(lambda: self._composed.follows_line or self._thinning.decides, self._look_now)

    def set_subscriptions(
        self, wanted: Sequence[Subscription], view: View, layout: ComposedLayout, *, hidden: bool
    ) -> None:
        """Says the whole set of producers to receive, and how the videos among them come: see `MediaSession`."""
        if len(wanted) > self._limits.subscriptions:
            raise BridgeError(
                "too_many_subscriptions",
                f"a session may subscribe to {self._limits.subscriptions} producers at most",
                field="subscriptions",
            )
        self._asked = tuple(wanted)
        self._composed.ask(view, layout, hidden=hidden)
        self._apply()
        self._look.later()

    def _apply(self) -> None:
        now = asyncio.get_running_loop().time()
        wanted = self._composed.wanted(now, self._asked, self._detours.lacking, self._is_live)
        self._wanted = {each.producer_id: each for each in wanted}
        self._unsupported = {key: each for key, each in self._unsupported.items() if key in self._wanted}
        for line in self._lines:
            if line.producer_id is not None and line.producer_id not in self._wanted:
                self._detours.close(line.producer_id)
                self._vacate(line)
        for subscription in wanted:
            key = self._detours.key(subscription.producer_id)
            self._consumers.prefer(key, max_height=subscription.max_height, rank=subscription.rank)
            self._consumers.pause(key, subscription.paused)
        self._check_soon()

    def layers_changed(self, producer_id: int) -> None:
        """The layers of a producer of the room changed."""
        self._consumers.layers_changed(producer_id)

    def producers_ended(self, producer_ids: Sequence[int]) -> None:
        """Frees the m-lines of producers that ended."""
        for producer_id in producer_ids:
            source_id = self._detours.source_of(producer_id)
            self._unsupported.pop(producer_id, None)
            # Its leg has ended, and it itself goes on.
            if source_id != producer_id and source_id in self._detours.thinned:
                self._thinning.leg_ended(source_id)
                continue
            self._detours.ended(source_id)
            if source_id != producer_id:
                self._refuse_source(source_id, "leg_failed")
        for line in self._lines:
            if line.producer_id in producer_ids:
                self._vacate(line)
        if self._composed.ended(asyncio.get_running_loop().time(), producer_ids):
            self._apply()
        self._check_soon()

    def offer(self, *, ice_restart: bool) -> SubscribeOffer:
        """The next offer."""
        placed = {line.producer_id for line in self._lines}
        for subscription in self._wanted.values():
            published = self._router.producers.get(subscription.producer_id)
            if published is not None and subscription.producer_id not in (placed | self._unsupported.keys()):
                self._assign(subscription, published)
        if not self._lines:
            raise BridgeError("nothing_to_offer", "there is no producer to receive yet")
        if self.transport is None:
            self.transport = self._make_transport()
            self.transport.on_estimate = self._on_estimate
        elif ice_restart:
            self.transport.restart_ice()
        version = self.negotiated.next_version()
        media = tuple(line.offered() for line in self._lines)
        self._outstanding = _Outstanding(version, media)
        description = subscribe_offer.offer(
            media, self.transport.local, session_id=self.negotiated.session_id, version=version
        )
        made, producers = self._composed.producer_ids, self._producers()
        composed = next((mid for mid, key in producers.items() if key == self._composed.producer_id), None)
        producers = {mid: key for mid, key in producers.items() if key not in made}
        return SubscribeOffer(writer.write(description), version, producers, composed)

    def answer(self, text: str, revision: int) -> SubscribeResult:
        """Takes the answer to an offer."""
        outstanding = self._outstanding
        if outstanding is None or outstanding.revision != revision or self.transport is None:
            raise BridgeError(
                "stale_answer",
                "this answers no offer that is waiting for an answer",
                hint="answer the newest offer, once",
            )
        answer = parser.parse(text, max_bytes=self._limits.sdp_bytes, max_media=len(self._lines) + 1)
        subscribe_offer.check_answer(answer, outstanding.media)
        peer = self._check_peer(answer)
        # From here on nothing can be refused any more.
        self._outstanding = None
        if peer is not None:
            self.negotiated.peer = peer
            self.transport.connect(peer)
        in_use = [media for media in answer.media if not media.rejected]
        self.transport.set_send_extensions(_send_extensions(in_use))
        self._detours.prefer_dtx(codecs.prefers_dtx(answer.media))
        for line, offered, answered in zip(self._lines, outstanding.media, answer.media, strict=True):
            self._settle(line, offered, answered)
        # What flows now may be what something else was kept for.
        self._apply()
        return self._result()

    @property
    def bitrate(self) -> int | None:
        """What the line carries in all, in bit/s; None while nothing is known of it."""
        return self._consumers.bitrate

    @property
    def repeated(self) -> int:
        """Earlier frames that each packet of sound repeats now (RFC 2198)."""
        return self._consumers.repeated

    def close(self) -> None:
        """Ends the connection."""
        self._cancel_check()
        self._detours.close_all()
        self._composed.release()
        self._consumers.forget_all()
        if self.transport is not None:
            self.transport.close()

    def abandon(self) -> None:
        """Forgets everything without a word to the worker, who has died."""
        self._cancel_check()
        self._composed.release()
        if self.transport is not None:
            self.transport.abandon()

    def _assign(self, subscription: Subscription, published: PublishedProducer) -> None:
        try:
            numbered = tuple(self._payload_types.number(self._detours.codecs(published)))
        except BridgeError:
            # Its publisher has used up the numbers with ever new variants. The others must not be left without offers.
            self._unsupported[subscription.producer_id] = UnsupportedSubscription(
                subscription.producer_id, "unsupported_codec", published.producer.codecs
            )
            return
        kind = published.producer.kind
        line = self._line_for(kind)
        line.kind, line.codecs, line.producer_id = kind, numbered, subscription.producer_id
        rtx = any(each.rtx_payload_type is not None for each in numbered)
        line.sending = Sending(
            Msid(subscription.participant, subscription.track),
            self._router.cname(subscription.participant),
            self._consumers.new_ssrc(),
            self._consumers.new_ssrc() if rtx else None,
        )
        line.free = False

    def _line_for(self, kind: str) -> _MediaLine:
        """A free m-line of this kind, one that the client rejected (under a new MID), or a new one."""
        for line in self._lines:
            if line.free and line.kind == kind and not line.rejected:
                return line
        self._mids += 1
        mid = str(self._mids - 1)
        for line in self._lines:
            if line.free and line.rejected:
                line.mid, line.rejected = mid, False
                return line
        line = _MediaLine(mid, kind, ())
        self._lines.append(line)
        return line

    @staticmethod
    def _vacate(line: _MediaLine) -> None:
        line.producer_id = line.sending = None

    def _vacate_source(self, source_id: int) -> None:
        for line in self._lines:
            if line.producer_id == source_id:
                self._vacate(line)

    def _check_peer(self, answer: SessionDescription) -> PeerTransport | None:
        in_use = [media for media in answer.media if not media.rejected]
        if not in_use or self.transport is None:
            return None
        setup = next((media for media in in_use if media.setup == "actpass"), None)
        if setup is not None:
            raise SdpError("an answer must choose active or passive (a=setup)", line=setup.line)
        peer = peer_transport(answer, in_use, self.transport.role)
        self.negotiated.check_peer(peer, line=in_use[0].line)
        return peer

    def _settle(self, line: _MediaLine, offered: OfferedMedia, answered: MediaDescription) -> None:
        """Does what the answer says of one m-line; the line may have moved on since it was offered."""
        if answered.rejected:
            if not offered.rejected:
                self._refuse_codec(line, offered)
                line.rejected = line.free = True
                line.agreed = None
            return
        line.agreed = offered.sending
        if offered.sending is None:
            line.free = line.sending is None
            return
        if line.sending is None or line.producer_id is None:
            return  # Its producer has left since.
        if not answered.receives:
            self._refuse(line, "no_media_line")
            return
        published = self._router.producers.get(line.producer_id)
        if published is None or self._detours.key(line.producer_id) in self._consumers:
            return
        mappings, feedback = translate(self._detours.codecs(published), answered)
        if not mappings:
            self._refuse_codec(line, offered)
            return
        why = self._detours.open(line.producer_id)
        if why is not None:
            self._refuse(line, why)
            return
        subscription = self._wanted[line.producer_id]
        self._consumers.create(
            self._transport_id(),
            ConsumerSpec(
                self._detours.key(line.producer_id),
                line.mid,
                line.sending.ssrc,
                line.sending.rtx_ssrc,
                line.sending.cname,
                mappings,
                feedback,
                redundancy(mappings, answered),
                subscription.paused,
                subscription.max_height,
                subscription.rank,
                told=self.transport is not None and self.transport.is_told(feedback),
            ),
        )

    def _on_estimate(self, event: EstimateEvent) -> None:
        self._composed.set_bitrate(self._detours.on_estimate(event))
        knew = self._consumers.limit_seen
        self._consumers.on_estimate(event)
        if self._consumers.limit_seen and not knew:
            self._look.at_once()

    def _is_live(self, producer_id: int) -> bool:
        return self._detours.key(producer_id) in self._consumers

    def _look_now(self) -> None:
        before = self._composed.composed
        videos = [
            Source(
                each.producer_id,
                self._router.layers.get(each.producer_id, ()),
                rank=each.rank,
                max_height=each.max_height,
            )
            for each in self._asked
            # While all are in one picture the page has no place for each of them, and says that it is out of sight.
            if (before or not each.paused)
            and (published := self._router.producers.get(each.producer_id)) is not None
            and published.producer.kind == "video"
        ]
        now, budget = asyncio.get_running_loop().time(), self._consumers.budget()
        if self._composed.look(now, budget, videos, limit_seen=self._consumers.limit_seen):
            self._apply()
        if not self._composed.composed:
            self._thinning.look(now, budget, videos)

    def _negotiate_anew(self, source_id: int) -> None:
        self._vacate_source(source_id)
        self._check_soon()

    def _on_video_state(self, key: int, state: VideoState) -> None:
        self._tell_video_state(self._detours.source_of(key), state)
        self._look.later()

    def _refuse_codec(self, line: _MediaLine, offered: OfferedMedia) -> None:
        """The client lacks the codec of what was offered: it is offered in another one, if a leg can make one."""
        if line.producer_id is not None and line.producer_id == self._composed.producer_id:
            self._detours.lacks(offered.codecs)
            self._detours.close(line.producer_id)
            self._composed.release()
            self._vacate(line)
            return
        published = None if line.producer_id is None else self._router.producers.get(line.producer_id)
        if published is not None and line.sending == offered.sending and self._detours.refused(published):
            self._vacate(line)
        else:
            self._refuse(line, "unsupported_codec")

    def _refuse_source(self, source_id: int, code: UnsupportedCode) -> None:
        for line in self._lines:
            if line.producer_id == source_id:
                self._refuse(line, code)

    def _refuse(self, line: _MediaLine, code: UnsupportedCode) -> None:
        """Notes that the client does not take what the m-line carries. It is not offered again."""
        if line.producer_id is None:
            return
        self._detours.close(line.producer_id)
        if line.producer_id == self._composed.producer_id:
            self._composed.refuse(asyncio.get_running_loop().time(), "unsupported_codec")
            self._vacate(line)
            return
        names = codecs.names(line.codecs[:1])
        self._unsupported[line.producer_id] = UnsupportedSubscription(line.producer_id, code, names)
        self._vacate(line)

    def _transport_id(self) -> int:
        assert self.transport is not None  # noqa: S101 - made with the first offer
        return self.transport.transport_id

    def _producers(self) -> dict[str, int]:
        return {line.mid: line.producer_id for line in self._lines if line.producer_id is not None}

    def _result(self) -> SubscribeResult:
        live = {
            mid: producer_id
            for mid, producer_id in self._producers().items()
            if self._detours.key(producer_id) in self._consumers
        }
        unknown = (
            UnsupportedSubscription(producer_id, "unknown_producer")
            for producer_id in self._wanted
            if producer_id not in self._router.producers
        )
        return SubscribeResult(live, (*self._unsupported.values(), *unknown))

    def _negotiation_needed(self) -> bool:
        if any(line.sending != line.agreed for line in self._lines):
            return True
        settled = self._unsupported.keys() | {line.producer_id for line in self._lines}
        return any(key in self._router.producers and key not in settled for key in self._wanted)

    def _check_soon(self) -> None:
        """Asks for a negotiation once this turn of the event loop is over: changes come in groups."""
        if self._check is None:
            self._check = asyncio.get_running_loop().call_soon(self._check_now)

    def _check_now(self) -> None:
        self._check = None
        if self._outstanding is None and self._negotiation_needed():
            self._on_negotiation_needed()

    def _cancel_check(self) -> None:
        if self._check is not None:
            self._check.cancel()
            self._check = None
        self._look.cancel()


def _send_extensions(answered: Sequence[MediaDescription]) -> dict[str, int]:
    """Id by URI of the extensions that the client receives."""
    return extensions.united(
        replace(media, extensions=[each for each in media.extensions if each.direction != "sendonly"])
        for media in answered
    )
