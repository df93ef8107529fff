"""The connection that a client sends on: it offers, the bridge answers, m-lines become producers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from bridge.errors import BridgeError
from bridge.sfu import encoding_demand
from bridge.sfu.allocation import incoming
from bridge.sfu.allocation.model import Layer
from bridge.sfu.encoding_demand import EncodingDemand
from bridge.sfu.router import PublishedProducer, Router
from bridge.sfu.sdp import codecs, parser, publish_answer, writer
from bridge.sfu.sdp.description import SessionDescription
from bridge.sfu.sdp.publish_answer import PublishedMedia
from bridge.sfu.sdp.renegotiation import Negotiated
from bridge.sfu.settings import MediaLimits
from bridge.sfu.transport import WebRtcTransport
from bridge.sfu.types import MediaKind, Producer, PublishResult, RejectedMedia, WantedEncodings

if TYPE_CHECKING:
    from bridge._core import CodecParams, EncodingParams, Event, ProducerParams


class PublishConnection:
    """One client's publish connection."""

    def __init__(
        self,
        router: Router,
        session_id: str,
        limits: MediaLimits,
        make_transport: Callable[[], WebRtcTransport],
        on_producer: Callable[[int, bool], None],
        on_encodings_wanted: Callable[[int, WantedEncodings], None],
        heeds_encodings: Callable[[], bool],
    ) -> None:
        """`heeds_encodings`: whether the client is told by `on_encodings_wanted`, see `SessionListener`."""
        self.transport: WebRtcTransport | None = None
        self._router = router
        self._session_id = session_id
        self._limits = limits
        self._make_transport = make_transport
        self._on_producer = on_producer
        self._on_encodings_wanted = on_encodings_wanted
        self._heeds_encodings = heeds_encodings
        self.negotiated = Negotiated()
        self._media: dict[str, tuple[PublishedMedia, Producer]] = {}
        """What is published, by MID (or "#" and the index of m-lines without)."""
        self._demands: dict[int, EncodingDemand] = {}
        """By producer."""

    def publish(self, text: str, prefer: Sequence[str]) -> PublishResult:
        """Answers an offer or re-offer."""
        offer = parser.parse(text, max_bytes=self._limits.sdp_bytes, max_media=self._limits.media_lines)
        role = None if self.transport is None else self.transport.role
        plan = publish_answer.plan(offer, current_role=role, prefer=prefer)
        restart = self.negotiated.check_offer(offer, plan.peer)
        # From here on nothing can be refused any more.
        if self.transport is None:
            self.transport = self._make_transport()
        elif restart:
            self.transport.restart_ice()
        answer = publish_answer.answer(
            plan, self.transport.local, session_id=self.negotiated.session_id, version=self.negotiated.next_version()
        )
        if plan.peer is not None:
            self.transport.connect(plan.peer)
        self.negotiated.take_offer(offer, plan.peer, answer.description)
        self.transport.set_receive_extensions(answer.receive_extensions)
        new, kept, gone = self._reconcile(offer, answer.media)
        rejected = tuple(
            RejectedMedia(each.mid, each.line, each.refusal.code, each.refusal.reason) for each in answer.refused
        )
        return PublishResult(writer.write(answer.description), new, kept, gone, rejected)

    def pause(self, producer_id: int, paused: bool) -> None:
        """Stops or resumes forwarding a producer."""
        self._key(producer_id)
        self._router.worker.core.pause_producer(producer_id, paused)

    def close_producer(self, producer_id: int) -> None:
        """Ends a producer; its m-line stays negotiated, and what still comes on it is dropped."""
        self._end([self._key(producer_id)])
        self._bound_incoming()

    def want_encodings(
        self,
        producer_id: int,
        spatial: Collection[int],
        ceiling: int | None = None,
        needed: Collection[int] | None = None,
    ) -> None:
        """Says which encodings of a producer, by index, are to be received by anybody; none for none at all.

        The publisher is told at once of what is wanted anew, and of what is not wanted any more after a while
        (`encoding_demand.HOLD_SECONDS`). Of one encoding with several spatial layers (SVC) all are sent or none.
        `ceiling` is what each of them is to take at most, in bit/s of RTP payload; None for no bound. Those that are
        not `needed` the publisher may leave out where its line does not carry all; None: all are.
        Without effect on producers that have ended.
        """
        demand = self._demands.get(producer_id)
        if demand is not None:
            demand.want(spatial, ceiling, needed=needed)

    def close(self) -> None:
        """Ends the connection and its producers."""
        for _, producer in self._media.values():
            self._router.worker.unroute(producer.producer_id)
        ended = [producer.producer_id for _, producer in self._media.values()]
        self._media.clear()
        self._forget_demands(ended)
        if self.transport is not None:
            # The core ends the producers with the transport.
            self.transport.close()
        self._router.end_producers(ended)

    def abandon(self) -> None:
        """Forgets everything without a word to the worker, who has died."""
        for _, producer in self._media.values():
            self._router.producers.pop(producer.producer_id, None)
        self._forget_demands(tuple(self._demands))
        if self.transport is not None:
            self.transport.abandon()

    def _reconcile(
        self, offer: SessionDescription, media: Sequence[PublishedMedia]
    ) -> tuple[tuple[Producer, ...], tuple[Producer, ...], tuple[int, ...]]:
        """Makes the producers those of the answer. A producer whose codecs or SSRCs changed is a new one."""
        wanted = {self._name(offer, each): replace(each, codecs=codecs.as_encoded(each.codecs)) for each in media}
        kept: list[Producer] = []
        gone: list[str] = []
        for key, (old, producer) in self._media.items():
            new = wanted.get(key)
            if new is not None and (old.kind, old.codecs, old.encodings) == (new.kind, new.codecs, new.encodings):
                kept.append(self._relabel(key, new, producer))
            else:
                gone.append(key)
        ended = self._end(gone)
        new_ones = [self._create(key, each) for key, each in wanted.items() if key not in self._media]
        self._bound_incoming()
        return tuple(new_ones), tuple(kept), ended

    @staticmethod
    def _name(offer: SessionDescription, media: PublishedMedia) -> str:
        if media.mid is not None:
            return media.mid
        # Without MIDs there is no BUNDLE, and without BUNDLE only the first m-line is taken.
        return f"#{next(index for index, each in enumerate(offer.media) if each.kind == media.kind)}"

    def _relabel(self, key: str, media: PublishedMedia, old: Producer) -> Producer:
        producer = self._producer(old.producer_id, key, media)
        self._media[key] = (media, producer)
        self._router.producers[producer.producer_id].producer = producer
        return producer

    @staticmethod
    def _producer(producer_id: int, key: str, media: PublishedMedia) -> Producer:
        return Producer(
            producer_id,
            key,
            cast("MediaKind", media.kind),
            codecs.names(media.codecs),
            None if media.msid is None else media.msid.stream,
            None if media.msid is None else media.msid.track,
            tuple(each.rid for each in media.encodings),
        )

    def _create(self, key: str, media: PublishedMedia) -> Producer:
        assert self.transport is not None  # noqa: S101 - made before any producer
        producer = self._producer(self._router.new_id(), key, media)
        worker = self._router.worker
        worker.route(producer.producer_id, self._on_event)
        worker.core.create_producer(producer.producer_id, _producer_params(self.transport.transport_id, media))
        self._media[key] = (media, producer)
        self._demands[producer.producer_id] = EncodingDemand(
            len(producer.encodings),
            lambda wanted: self._on_wanted(producer.producer_id, wanted),
            encoding_demand.HOLD_SECONDS,
        )
        self._router.producers[producer.producer_id] = PublishedProducer(
            producer,
            media.codecs,
            self._session_id,
            lambda *wanted: self.want_encodings(producer.producer_id, *wanted),
            bounds_itself=not self._heeds_encodings(),
            heeds=self._heeds_encodings() or _heeds_remb(media),
        )
        return producer

    def _on_wanted(self, producer_id: int, wanted: WantedEncodings) -> None:
        self._on_encodings_wanted(producer_id, wanted)
        self._bound_incoming()

    def _bound_incoming(self) -> None:
        """Tells a client that hears of nothing else, over its connection, what it is to send at most."""
        if self.transport is None or self._heeds_encodings():
            return
        videos = [(media, producer) for media, producer in self._media.values() if media.kind == "video"]
        heeds_remb = any(_heeds_remb(media) for media, _ in videos)
        sounds = sum(media.kind == "audio" and media.numbered for media, _ in self._media.values())
        wanted = [self._demands[producer.producer_id].told for _, producer in videos]
        self.transport.bound_incoming(incoming.bound(wanted, sounds) if heeds_remb else None)

    def _forget_demands(self, producer_ids: Sequence[int]) -> None:
        for producer_id in producer_ids:
            demand = self._demands.pop(producer_id, None)
            if demand is not None:
                demand.close()

    def _end(self, keys: Sequence[str]) -> tuple[int, ...]:
        ended = tuple(self._media.pop(key)[1].producer_id for key in keys)
        for producer_id in ended:
            self._router.worker.unroute(producer_id)
            self._router.worker.core.close_producer(producer_id)
        self._forget_demands(ended)
        self._router.end_producers(ended)
        return ended

    def _key(self, producer_id: int) -> str:
        for key, (_, producer) in self._media.items():
            if producer.producer_id == producer_id:
                return key
        raise BridgeError("unknown_producer", "this session has no such producer", field="producer")

    def _on_event(self, event: Event) -> None:
        match event["type"]:
            case "producer_live":
                self._on_producer(event["producer_id"], True)
            case "producer_stalled":
                # One that nobody wants is silent because it was asked to be.
                demand = self._demands.get(event["producer_id"])
                if demand is None or demand.any:
                    self._on_producer(event["producer_id"], False)
            case "producer_layers":
                self._router.on_layers(event["producer_id"], [Layer.of(each) for each in event["layers"]])
            case "command_failed":
                # It was never made, or is gone: nobody will hear it.
                self._on_producer(event["id"], False)


def _heeds_remb(media: PublishedMedia) -> bool:
    return any("goog-remb" in each.codec.feedback for each in media.codecs)


def _producer_params(transport_id: int, media: PublishedMedia) -> ProducerParams:
    params: list[CodecParams] = [
        {
            "payload_type": each.codec.payload_type,
            "name": each.codec.name,
            "clock_rate": each.codec.clock_rate,
            "rtx_payload_type": each.rtx_payload_type,
            "rtcp_feedback": list(each.codec.feedback),
        }
        for each in media.codecs
    ]
    encodings: list[EncodingParams] = [
        {"ssrc": each.ssrc, "rtx_ssrc": each.rtx_ssrc, "rid": each.rid} for each in media.encodings
    ]
    return {
        "transport_id": transport_id,
        "kind": cast("MediaKind", media.kind),
        "mid": media.mid,
        "codecs": params,
        "encodings": encodings,
    }
