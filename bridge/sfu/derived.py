"""Producers that a leg makes of others, for receivers who lack the codec that is sent.

A leg hangs on a `PlainTransport` of the room's router: it consumes the producer there, and what it sends is a producer
of the router like any other, which receivers consume instead. It runs while somebody receives it. Receivers with the
same need share it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.sfu.allocation.ceiling import Ceiling
from bridge.sfu.allocation.sharing import MAX_BITRATE, MIN_BITRATE, START_BITRATE, Rates, Receiver, SharedLines
from bridge.sfu.leg_transport import DECODED, LegTransport, leg_codec, taken
from bridge.sfu.legs import Leg, LegRunner, LegSpec
from bridge.sfu.sdp import codecs
from bridge.sfu.sdp.codecs import MediaCodec
from bridge.sfu.sdp.description import Codec, parameter
from bridge.sfu.socket_transport import FEEDBACK, MAX_HEIGHT, ORIENTATION, layer_up_to, new_ssrc, received
from bridge.sfu.types import LegInput, LegReport, Producer

if TYPE_CHECKING:
    from bridge.sfu.router import PublishedProducer, Router

logger = logging.getLogger(__name__)

EVENTS_PAYLOAD_TYPE = 101
"""Of telephone events (RFC 4733) out of a leg."""

TARGETS: dict[str, tuple[Codec, ...]] = {
    "video": (
        Codec(96, "VP8", 90000, feedback=FEEDBACK),
        Codec(
            102,
            "H264",
            90000,
            parameters="level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
            feedback=FEEDBACK,
        ),
        Codec(
            104,
            "H264",
            90000,
            parameters="level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f",
            feedback=FEEDBACK,
        ),
    ),
    "audio": (
        Codec(111, "opus", 48000, 2, parameters="minptime=10;useinbandfec=1"),
        Codec(9, "G722", 8000),
        Codec(8, "PCMA", 8000),
        Codec(0, "PCMU", 8000),
    ),
}
"""What legs make, best first: whatever a receiver has, it has one of these."""


class DerivedProducer:
    """A producer in another codec. It exists in the core while it has receivers."""

    def __init__(self, owner: DerivedProducers, source: PublishedProducer, target: Codec) -> None:
        self._owner = owner
        self._router = owner.router
        self.source_id = source.producer.producer_id
        self._source = source
        self.codec = target
        events = [each.codec for each in source.codecs if each.codec.key == codecs.EVENTS]
        self._events = (
            replace(events[0], payload_type=EVENTS_PAYLOAD_TYPE, clock_rate=target.clock_rate) if events else None
        )
        self.codecs = (MediaCodec(target), *([MediaCodec(self._events)] if self._events else []))
        self.producer_id = 0
        """Its id now; another one each time that it is started, 0 while it is not."""
        self._lines = SharedLines(START_BITRATE, MIN_BITRATE, MAX_BITRATE)
        """What each receiver's line carries of it."""
        self._rates = self._lines.rates
        self._leg: Leg | None = None
        self._transport: LegTransport | None = None
        self._consumer_id = 0
        self._spatial: int | None = None

    @property
    def published(self) -> PublishedProducer:
        """As the room's sessions see it."""
        original = self._source.producer
        producer = Producer(self.producer_id, original.mid, original.kind, codecs.names(self.codecs))
        return replace(
            self._source,
            producer=producer,
            codecs=self.codecs,
            want_encodings=lambda _wanted, _ceiling, _needed: None,
            ceiling=Ceiling(),
        )

    def acquire(self, receiver: Receiver, bitrate: int = START_BITRATE) -> int:
        """Has it sent to one more receiver, whose line carries so much of it (bit/s); the id to consume.

        Raises `BridgeError` if no leg may be started.
        """
        if not len(self._lines):
            self._start()
        self._follow(receiver, bitrate)
        self._router.legs_changed()
        return self.producer_id

    def release(self, receiver: Receiver) -> None:
        """One receiver less; it ends with the last."""
        moved = self._lines.leave(_now(), receiver)
        if len(self._lines):
            self._make(moved)
            self._router.legs_changed()
        else:
            self.end()

    def set_bitrate(self, receiver: Receiver, bitrate: int) -> None:
        """What the line of a receiver carries of it. The thinnest line of those who share an encoding decides."""
        if receiver in self._lines:
            self._follow(receiver, bitrate)

    def layers_changed(self) -> None:
        """The layers of the source changed: takes in the one that is of use."""
        layer = layer_up_to(self._router.layers.get(self.source_id, ()), MAX_HEIGHT)
        if self._transport is None or layer is None:
            return
        if layer.spatial != self._spatial:
            self._spatial = layer.spatial
            self._transport.choose_layer(self._consumer_id, layer.spatial)
            self._router.receives(self, self.source_id, received(layer, MAX_HEIGHT))

    def headroom(self, encoding: int) -> int:
        """What more it could make of an encoding if its receivers' lines carried it, in bit/s."""
        return MAX_BITRATE - self._rates.of(encoding) if self._source.producer.kind == "video" else 0

    def report(self) -> LegReport | None:
        """What runs for it; None while nothing does."""
        if self._leg is None:
            return None
        kind, inputs = self._source.producer.kind, (LegInput(self.source_id, self._source.producer.codecs[0]),)
        target = codecs.names(self.codecs)[0]
        receivers, restarts = len(self._lines), self._leg.restarts
        return LegReport(inputs, kind, target, "codec", receivers, restarts, self._leg.stats)

    def on_leg_ended(self, code: str) -> None:
        """Told by the runner: the leg is gone for good."""
        logger.warning("a leg has ended for good: %s", code)
        self._lines.clear()
        # Not after `end`, by which the router knows it no more.
        self._router.end_producers([self.producer_id])
        self.end()

    def end(self) -> None:
        """Ends the leg and what it hangs on. The core ends the consumers with it."""
        producer_id, self.producer_id = self.producer_id, 0
        transport, self._transport, self._leg = self._transport, None, None
        if transport is None:
            return
        transport.close()
        self._router.receives_no_more(self, self.source_id)
        self._router.producers.pop(producer_id, None)
        self._router.layers.pop(producer_id, None)
        self._spatial = None
        self._router.legs_changed()

    def _start(self) -> None:
        router, kind = self._router, self._source.producer.kind
        # Of sound there is nothing thinner to be made.
        ssrcs = (new_ssrc(), new_ssrc()) if kind == "video" else (new_ssrc(),)
        self._rates = self._lines.rates
        self._leg = self._owner.runner.reserve(self._spec(ssrcs), self._rates.main, self)
        self._transport = LegTransport(router, self._leg, lambda: self.on_leg_ended("leg_failed"))
        self.producer_id = router.new_id()
        router.producers[self.producer_id] = self.published
        self._transport.produce(self.producer_id, kind, self.codecs, *ssrcs)
        self._consumer_id = self._transport.consume(self._source, new_ssrc())
        self.layers_changed()

    def _spec(self, ssrcs: Sequence[int]) -> LegSpec:
        kind = self._source.producer.kind
        source = tuple(leg_codec(codec) for codec in taken(self._source))
        events = None if self._events is None else leg_codec(self._events)
        orientation = ORIENTATION if kind == "video" else None
        return LegSpec(kind, source, leg_codec(self.codec), ssrcs[0], orientation, events, *ssrcs[1:])

    def _follow(self, receiver: Receiver, bitrate: int) -> None:
        self._make(self._lines.follow(_now(), receiver, bitrate))

    def _make(self, moved: Sequence[Receiver]) -> None:
        """Has the leg make what the lines carry, and tells those who get another encoding of it."""
        if self._leg is None:
            return
        rates, is_video = self._lines.rates, self._source.producer.kind == "video"
        if not is_video and rates.thin:
            rates = Rates(min(rates.main, rates.thin), 0)
        if rates != self._rates:
            self._rates = rates
            self._leg.set_bitrate(rates.main, rates.thin)
        if is_video:
            self._lines.tell(self.producer_id, moved)


class DerivedProducers:
    """All of a room."""

    def __init__(self, router: Router, runner: LegRunner) -> None:
        self.router = router
        self.runner = runner
        self._derived: dict[int, dict[str, DerivedProducer]] = {}
        """By source and codec."""

    def derive(self, source_id: int, lacking: Collection[str]) -> DerivedProducer | None:
        """The producer in the best codec that the receiver may have: none of `lacking`, as `variant` names them.

        None where there is none left, or nothing that a leg could take in.
        """
        source = self.router.producers.get(source_id)
        if source is None or not self.runner.enabled:
            return None
        sent = next((each.codec for each in source.codecs if each.codec.key != "red"), source.codecs[0].codec)
        if sent.key not in DECODED[source.producer.kind]:
            return None
        for target in TARGETS[source.producer.kind]:
            if variant(target) not in {*lacking, variant(sent)}:
                return self._one(source, target)
        return None

    def derive_for(self, source_id: int, takes: Callable[[Sequence[MediaCodec]], bool]) -> DerivedProducer | None:
        """The producer in the best codec that `takes` says yes to."""
        source = self.router.producers.get(source_id)
        if source is not None and self.runner.enabled:
            for target in TARGETS[source.producer.kind]:
                if takes((MediaCodec(target),)):
                    return self._one(source, target)
        return None

    def layers_changed(self, producer_id: int) -> None:
        """The layers of a producer of the room changed."""
        for derived in self._derived.get(producer_id, {}).values():
            derived.layers_changed()

    def headroom(self, producer_id: int, encoding: int) -> int:
        """What more an encoding of a producer could be, in bit/s: 0 for those that no leg makes."""
        every = (derived for each in self._derived.values() for derived in each.values())
        return next((derived.headroom(encoding) for derived in every if derived.producer_id == producer_id), 0)

    def sources_ended(self, producer_ids: Sequence[int]) -> list[int]:
        """Ends what was derived of producers that ended; its ids."""
        ended = []
        for source_id in producer_ids:
            for derived in self._derived.pop(source_id, {}).values():
                if derived.producer_id:
                    ended.append(derived.producer_id)
                derived.end()
        return ended

    def reports(self) -> list[LegReport]:
        """The legs that run."""
        every = (derived.report() for each in self._derived.values() for derived in each.values())
        return [report for report in every if report is not None]

    def close(self) -> None:
        """Ends all of them."""
        self.sources_ended(tuple(self._derived))

    def _one(self, source: PublishedProducer, target: Codec) -> DerivedProducer:
        of_source = self._derived.setdefault(source.producer.producer_id, {})
        return of_source.setdefault(variant(target), DerivedProducer(self, source, target))


def _now() -> float:
    return asyncio.get_running_loop().time()


def variant(codec: Codec) -> str:
    """What a receiver has or lacks: a codec, H.264 by its packetization mode."""
    mode = parameter(codec.parameters, "packetization-mode") or "0"
    return f"{codec.key}/{mode}" if codec.key == "h264" else codec.key
