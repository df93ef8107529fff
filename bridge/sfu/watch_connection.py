"""The connection that a client receives on, when the client offers it (WHEP)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from bridge.sfu.allocation import model
from bridge.sfu.composed_watch import ComposedWatch
from bridge.sfu.consumers import Consumers, ConsumerSpec
from bridge.sfu.detours import Detours
from bridge.sfu.line_look import LineLook
from bridge.sfu.router import Router
from bridge.sfu.sdp import codecs, parser, watch_answer, writer
from bridge.sfu.sdp.description import Msid
from bridge.sfu.sdp.renegotiation import Negotiated
from bridge.sfu.sdp.watch_answer import Placement, Source, WatchPlan
from bridge.sfu.settings import MediaLimits
from bridge.sfu.thinning import Thinning
from bridge.sfu.transport import WebRtcTransport
from bridge.sfu.types import ComposedLayout, Subscription, UnsupportedSubscription, WatchResult

if TYPE_CHECKING:
    from bridge._core import EstimateEvent


class WatchConnection:
    """One client's receiving connection, offered by the client."""

    def __init__(
        self,
        router: Router,
        limits: MediaLimits,
        make_transport: Callable[[], WebRtcTransport],
        on_consumer: Callable[[int, bool], None],
    ) -> None:
        self.transport: WebRtcTransport | None = None
        self.negotiated = Negotiated()
        self._router = router
        self._limits = limits
        self._make_transport = make_transport
        self._consumers = Consumers(
            router,
            lambda key, live: on_consumer(self._detours.source_of(key), live),
            lambda _key, _state: self._look.later(),
        )
        self._detours = Detours(router, self._consumers)
        self._composed = ComposedWatch(router, self._consumers)
        # Its client offers: what it has agreed on stays as it is.
        self._thinning = Thinning(self._consumers, self._detours)
        self._look = LineLook(lambda: self._thinning.decides and not self._composed.held, self._look_now)
        self._wanted: dict[int, Subscription] = {}
        self._placed: dict[str, Placement] = {}
        """By MID."""

    def watch(
        self,
        text: str,
        wanted: Sequence[Subscription],
        *,
        composed: ComposedLayout | None = None,
        without: str | None = None,
    ) -> WatchResult:
        """Answers an offer or re-offer; see `MediaSession.watch`."""
        offer = parser.parse(text, max_bytes=self._limits.sdp_bytes, max_media=self._limits.media_lines)
        role = None if self.transport is None else self.transport.role
        plan = watch_answer.plan(offer, current_role=role)
        restart = self.negotiated.check_offer(offer, plan.peer)
        # From here on nothing can be refused any more.
        if self.transport is None:
            self.transport = self._make_transport()
            self.transport.on_estimate = self._on_estimate
        elif restart:
            self.transport.restart_ice()
        self._detours.prefer_dtx(plan.prefers_dtx)
        if composed is not None:
            wanted = self._composed.wanted(plan, without, composed) or wanted
        subscriptions = {each.producer_id: each for each in wanted}
        sources, refused = self._sources(subscriptions, plan)
        answer = watch_answer.answer(
            plan,
            self.transport.local,
            sources,
            self._placed,
            self._consumers.new_ssrc,
            session_id=self.negotiated.session_id,
            version=self.negotiated.next_version(),
        )
        if plan.peer is not None:
            self.transport.connect(plan.peer)
        self.negotiated.take_offer(offer, plan.peer, answer.description)
        self.transport.set_send_extensions(answer.send_extensions)
        self._wanted = subscriptions
        self._reconcile(answer.placements, subscriptions)
        for source, _ in answer.unplaced:
            self._detours.close(source.producer_id)
        unplaced = [
            UnsupportedSubscription(
                source.producer_id,
                "unsupported_codec" if why.code == "unsupported_codec" else "no_media_line",
                codecs.names(source.codecs[:1]),
            )
            for source, why in answer.unplaced
        ]
        return WatchResult(
            {mid: placement.source.producer_id for mid, placement in self._placed.items()},
            (*refused, *unplaced),
            answer=writer.write(answer.description),
        )

    def pause(self, producer_id: int, paused: bool) -> None:
        """Pauses or resumes what is received of a producer."""
        self._consumers.pause(self._detours.key(producer_id), paused)

    def layers_changed(self, producer_id: int) -> None:
        """The layers of a producer of the room changed."""
        self._consumers.layers_changed(producer_id)

    def producers_ended(self, producer_ids: Sequence[int]) -> None:
        """Forgets the consumers of producers that ended; their m-lines are free for a re-offer."""
        ended = []
        for producer_id in producer_ids:
            source_id = self._detours.source_of(producer_id)
            if source_id != producer_id and source_id in self._detours.thinned:
                # Its leg has ended, and it itself goes on.
                self._thinning.leg_ended(source_id)
                continue
            self._detours.ended(source_id)
            ended.append(source_id)
        self._placed = {mid: placed for mid, placed in self._placed.items() if placed.source.producer_id not in ended}

    @property
    def repeated(self) -> int:
        """Earlier frames that each packet of sound repeats now (RFC 2198)."""
        return self._consumers.repeated

    def close(self) -> None:
        """Ends the connection."""
        self._look.cancel()
        self._detours.close_all()
        self._consumers.forget_all()
        self._composed.release()
        if self.transport is not None:
            self.transport.close()

    def abandon(self) -> None:
        """Forgets everything without a word to the worker, who has died."""
        self._look.cancel()
        self._composed.release()
        if self.transport is not None:
            self.transport.abandon()

    def _on_estimate(self, event: EstimateEvent) -> None:
        self._composed.set_bitrate(self._detours.on_estimate(event), event["bitrate"])
        self._composed.set_loss(event["fraction_lost"])
        self._consumers.on_estimate(event)

    def _look_now(self) -> None:
        videos = []
        for key in self._consumers.wanted_videos:
            source_id = self._detours.source_of(key)
            wanted = self._wanted.get(source_id)
            if wanted is not None:
                layers = self._router.layers.get(source_id, ())
                videos.append(model.Source(source_id, layers, rank=wanted.rank, max_height=wanted.max_height))
        self._thinning.look(asyncio.get_running_loop().time(), self._consumers.budget(), videos)

    def _sources(
        self, wanted: dict[int, Subscription], plan: WatchPlan
    ) -> tuple[list[Source], tuple[UnsupportedSubscription, ...]]:
        sources: list[Source] = []
        refused: list[UnsupportedSubscription] = []
        for subscription in wanted.values():
            published = self._router.producers.get(subscription.producer_id)
            if published is None:
                refused.append(UnsupportedSubscription(subscription.producer_id, "unknown_producer"))
                continue
            self._detours.choose(published, partial(plan.suits, published.producer.kind))
            why = self._detours.open(subscription.producer_id)
            if why is not None:
                names = published.producer.codecs[:1]
                refused.append(UnsupportedSubscription(subscription.producer_id, why, names))
                continue
            sources.append(
                Source(
                    subscription.producer_id,
                    published.producer.kind,
                    self._detours.codecs(published),
                    Msid(subscription.participant, subscription.track),
                    self._router.cname(subscription.participant),
                )
            )
        return sources, tuple(refused)

    def _reconcile(self, placements: Sequence[Placement], wanted: dict[int, Subscription]) -> None:
        assert self.transport is not None  # noqa: S101 - made before anything is placed
        placed = {placement.source.producer_id for placement in placements}
        for old in self._placed.values():
            if old.source.producer_id not in placed:
                self._detours.close(old.source.producer_id)
        for placement in placements:
            source = placement.source
            paused = wanted[source.producer_id].paused
            if self._detours.key(source.producer_id) in self._consumers:
                self._consumers.pause(self._detours.key(source.producer_id), paused)
                continue
            self._consumers.create(
                self.transport.transport_id,
                ConsumerSpec(
                    self._detours.key(source.producer_id),
                    placement.mid,
                    placement.ssrc,
                    placement.rtx_ssrc,
                    source.cname,
                    placement.mappings,
                    placement.feedback,
                    placement.redundancy,
                    paused,
                    told=self.transport.is_told(placement.feedback),
                ),
            )
        self._placed = {placement.mid or "#0": placement for placement in placements}
