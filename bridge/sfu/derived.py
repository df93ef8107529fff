"""Producers that a leg makes of others, for receivers who lack the codec that is sent, or whose lines do not carry it.

A leg hangs on a `PlainTransport` of the room's router: it consumes the producer there, and what it sends is a producer
of the router like any other, which receivers consume instead. It runs while somebody receives it. Receivers with the
same need share it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.sfu.allocation.ceiling import Ceiling
from bridge.sfu.allocation.sharing import START_BITRATE, Rates, Receiver
from bridge.sfu.leg_host import SharedProducer, now
from bridge.sfu.leg_transport import DECODED, leg_codec, taken
from bridge.sfu.legs import LegRunner, LegSpec
from bridge.sfu.sdp import codecs
from bridge.sfu.sdp.codecs import MediaCodec
from bridge.sfu.sdp.description import Codec, parameter
from bridge.sfu.socket_transport import FEEDBACK, MAX_HEIGHT, ORIENTATION, new_ssrc
from bridge.sfu.types import LegReport, MediaKind, Producer

if TYPE_CHECKING:
    from bridge.sfu.router import PublishedProducer, Router

EVENTS_PAYLOAD_TYPE = 101
"""Of telephone events (RFC 4733) out of a leg."""


def _h264(payload_type: int, *, mode: int, profile: str) -> Codec:
    parameters = f"level-asymmetry-allowed=1;packetization-mode={mode};profile-level-id={profile}"
    return Codec(payload_type, "H264", 90000, parameters=parameters, feedback=FEEDBACK)


_H263_SIZES = ("CIF4=2;CIF=2;QCIF=2", "CIF=2;QCIF=2", "QCIF=2")


def _h263(payload_type: int, name: str, sizes: str) -> Codec:
    return Codec(payload_type, name, 90000, parameters=sizes, feedback=FEEDBACK)


TARGETS: dict[str, tuple[Codec, ...]] = {
    "video": (
        Codec(96, "VP8", 90000, feedback=FEEDBACK),
        _h264(102, mode=1, profile="42e01f"),
        Codec(98, "VP9", 90000, parameters="profile-id=0", feedback=FEEDBACK),
        _h264(104, mode=0, profile="42e01f"),
        _h264(106, mode=1, profile="64001f"),
        Codec(45, "AV1", 90000, feedback=FEEDBACK),
        *(_h263(107, "H263-1998", sizes) for sizes in _H263_SIZES),
        *(_h263(34, "H263", sizes) for sizes in _H263_SIZES),
    ),
    "audio": (
        Codec(111, "opus", 48000, 2, parameters="minptime=10;useinbandfec=1"),
        Codec(9, "G722", 8000),
        Codec(8, "PCMA", 8000),
        Codec(0, "PCMU", 8000),
    ),
}
"""What legs make, best first: what most have and what costs least."""

OFFERED: dict[str, tuple[Codec, ...]] = {
    kind: tuple(each for each in made if each.key not in codecs.H263) for kind, made in TARGETS.items()
}
"""Those that are offered, one after the other, to whoever has not said what it takes: browsers."""

Suits = Callable[[Sequence[MediaCodec]], "int | None"]
"""How well a receiver, whose codecs are known, takes what is sent in these: 0 is best, None is not at all."""


class DerivedProducer(SharedProducer):
    """A producer in another codec, or thinner in the same. It exists in the core while it has receivers."""

    def __init__(self, owner: DerivedProducers, source: PublishedProducer, target: Codec) -> None:
        events = [each.codec for each in source.codecs if each.codec.key == codecs.EVENTS]
        self._events = (
            replace(events[0], payload_type=EVENTS_PAYLOAD_TYPE, clock_rate=target.clock_rate) if events else None
        )
        made = (MediaCodec(target), *([MediaCodec(self._events)] if self._events else []))
        super().__init__(owner.router, owner.runner, source.producer.kind, made)
        self.source_id = source.producer.producer_id
        self._source = source
        self.codec = target
        self.reason = "thin_line" if variant(target) == variant(_sent(source)) else "codec"

    @property
    def receivers(self) -> int:
        """How many have it."""
        return len(self._lines)

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
            # What was seen of its source says nothing of what a leg makes.
            most_pixels=0,
            most_bitrate=0,
            bounds_itself=False,
        )

    def acquire(self, receiver: Receiver, bitrate: int = START_BITRATE) -> int:
        """Has it sent to one more receiver, whose line carries so much of it (bit/s); the id to consume.

        Raises `BridgeError` if no leg may be started.
        """
        if not len(self._lines):
            self._start()
        knows = receiver in self._lines
        self._follow(receiver, bitrate)
        if knows:
            # It was about to leave, and has forgotten.
            self._lines.tell(self.producer_id, [receiver])
        self._prefer_dtx(receiver, False)
        self._router.legs_changed()
        return self.producer_id

    def release(self, receiver: Receiver) -> None:
        """One receiver less; it ends with the last."""
        moved = self._lines.leave(now(), receiver)
        self._forget(receiver)
        if len(self._lines):
            self._make(moved)
            self._router.legs_changed()
        else:
            self.end()

    def set_bitrate(self, receiver: Receiver, bitrate: int) -> None:
        """What the line of a receiver carries of it. The thinnest line of those who share an encoding decides."""
        if receiver in self._lines:
            self._follow(receiver, bitrate)

    def set_loss(self, receiver: Receiver, lost: float) -> None:
        """What a receiver loses of it, 0–1."""
        if self.kind == "audio" and receiver in self._lines:
            self._lose(receiver, lost)

    def prefer_dtx(self, receiver: Receiver, dtx: bool) -> None:
        """Whether a receiver prefers that silence is not sent."""
        if self.kind == "audio" and receiver in self._lines:
            self._prefer_dtx(receiver, dtx)

    def layers_changed(self) -> None:
        """The layers of the source changed: takes in the one that is of use."""
        self._choose_layer(self.source_id, MAX_HEIGHT)

    def _start(self) -> None:
        # Of sound there is nothing thinner to be made.
        ssrcs = (new_ssrc(), new_ssrc()) if self.kind == "video" else (new_ssrc(),)
        self._rates = self._lines.rates
        transport = self._start_leg(self._spec(ssrcs), self._rates.main)
        self.producer_id = self._router.new_id()
        self._produce(transport, self.published, *ssrcs)
        self._take_in(transport, {self.source_id: self._source})
        self.layers_changed()

    def _spec(self, ssrcs: Sequence[int]) -> LegSpec:
        source = tuple(leg_codec(codec) for codec in taken(self._source))
        events = None if self._events is None else leg_codec(self._events)
        orientation = ORIENTATION if self.kind == "video" else None
        return LegSpec(self.kind, source, leg_codec(self.codec), ssrcs[0], orientation, events, *ssrcs[1:])

    def _wanted_rates(self) -> Rates:
        rates = super()._wanted_rates()
        if self.kind == "video" or not rates.thin:
            return rates
        return Rates(min(rates.main, rates.thin), 0)


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
        source = self._decodable(source_id)
        if source is None:
            return None
        sent = _sent(source)
        for target in OFFERED[source.producer.kind]:
            if variant(target) not in {*lacking, variant(sent)}:
                return self._one(source, target)
        return None

    def thinner(self, source_id: int, lacking: Collection[str]) -> DerivedProducer | None:
        """The producer for a line that does not carry what is sent: in its codec if a leg makes that, else another.

        None where there is none left, or nothing that a leg could take in.
        """
        source = self._decodable(source_id)
        if source is None:
            return None
        sent = _sent(source)
        targets = [each for each in OFFERED[source.producer.kind] if variant(each) not in lacking]
        target = min(targets, key=lambda each: variant(each) != variant(sent), default=None)
        return None if target is None else self._one(source, target)

    def derive_for(self, source_id: int, suits: Suits) -> DerivedProducer | None:
        """The producer in the codec that suits a receiver best."""
        source = self.router.producers.get(source_id)
        if source is None or not self.runner.enabled:
            return None
        target = target_for(source.producer.kind, suits)
        return None if target is None else self._one(source, target)

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

    def _decodable(self, source_id: int) -> PublishedProducer | None:
        """A producer of the room that a leg could take in."""
        source = self.router.producers.get(source_id)
        if source is None or not self.runner.enabled:
            return None
        return source if _sent(source).key in DECODED[source.producer.kind] else None

    def _one(self, source: PublishedProducer, target: Codec) -> DerivedProducer:
        of_source = self._derived.setdefault(source.producer.producer_id, {})
        return of_source.setdefault(variant(target), DerivedProducer(self, source, target))


def _sent(source: PublishedProducer) -> Codec:
    """The codec that is sent."""
    return next((each.codec for each in source.codecs if each.codec.key != "red"), source.codecs[0].codec)


def target_for(kind: MediaKind, suits: Suits) -> Codec | None:
    """What a leg is to make for a receiver: the first codec that it takes, and of its kinds the one that suits best."""
    suiting = [(fit, target) for target in TARGETS[kind] if (fit := suits((MediaCodec(target),))) is not None]
    of_first = [each for each in suiting if each[1].key == suiting[0][1].key]
    return min(of_first, key=lambda each: each[0])[1] if of_first else None


def variant(codec: Codec) -> str:
    """What a receiver has or lacks: a codec, H.264 by mode and whether it is High, H.263 by its largest size."""
    if codec.key in codecs.H263:
        return f"{codec.key}/{codecs.h263_size(codec.parameters)}"
    if codec.key != "h264":
        return codec.key
    mode = parameter(codec.parameters, "packetization-mode") or "0"
    high = "/high" if (codecs.h264_profile(codec.parameters) or "").endswith("high") else ""
    return f"{codec.key}/{mode}{high}"
