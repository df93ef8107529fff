"""Which producers one receiver gets by way of a leg, since it lacks their codec or its line does not carry them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.errors import BridgeError
from bridge.sfu.allocation import sound
from bridge.sfu.allocation.receiver import MAX_SPEAKERS
from bridge.sfu.allocation.sharing import START_BITRATE
from bridge.sfu.consumers import Consumers
from bridge.sfu.derived import DerivedProducer, Suits, variant
from bridge.sfu.sdp.codecs import MediaCodec
from bridge.sfu.sdp.description import Codec
from bridge.sfu.sdp.payload_types import Mapping
from bridge.sfu.types import UnsupportedCode

if TYPE_CHECKING:
    from bridge._core import EstimateEvent
    from bridge.sfu.router import PublishedProducer, Router

OVERHEAD = 0.9
"""Of what the line carries, what is left when headers and retransmissions are paid for."""


class Detours:
    """The detours of one connection. A *source* is the producer subscribed to; its *key* is what is consumed for it."""

    def __init__(self, router: Router, consumers: Consumers) -> None:
        self._router = router
        self._consumers = consumers
        self._derived: dict[int, DerivedProducer] = {}
        """By source."""
        self._keys: dict[int, int] = {}
        """By source, for those that run."""
        self._lacking: set[str] = set()
        """Codecs that the receiver refused once."""
        self._thinned: dict[int, bool] = {}
        """Sources whose codec it has, and whose pictures are too much for its line.

        Whether they come within the stream in which they were forwarded."""
        self._leaving: dict[int, DerivedProducer] = {}
        """What a leg makes of sources that are forwarded again, by source: it is sent until their next keyframe."""
        self._share = START_BITRATE
        self._dtx = False

    def key(self, source_id: int) -> int:
        """The producer that is consumed for a source: itself, or one derived of it."""
        return self._keys.get(source_id, source_id)

    def source_of(self, key: int) -> int:
        """What a consumed producer is received for."""
        return next((source for source, derived in self._keys.items() if derived == key), key)

    def codecs(self, published: PublishedProducer) -> tuple[MediaCodec, ...]:
        """What a source is offered in: its own codecs, or another where the receiver is known to lack them."""
        source_id = published.producer.producer_id
        if self._thinned.get(source_id):
            # What was negotiated is the source's.
            return published.codecs
        if source_id not in self._derived and variant(_first(published.codecs)) in self._lacking:
            self._seek(source_id)
        derived = self._derived.get(source_id)
        return published.codecs if derived is None else derived.codecs

    def refused(self, published: PublishedProducer) -> bool:
        """The receiver refused what it was offered a source in. Whether there is another codec to try."""
        source_id = published.producer.producer_id
        self._lacking.add(variant(_first(self.codecs(published))))
        thinned = source_id in self._thinned
        self.close(source_id)
        # Of one that was to be made thinner there is what its publisher sends.
        return thinned or self._seek(source_id)

    def choose(self, published: PublishedProducer, suits: Suits) -> None:
        """Finds a codec that the receiver, whose codecs are known, takes, if it does not take the source's."""
        source_id = published.producer.producer_id
        if source_id not in self._derived and suits(published.codecs) is None:
            derived = self._router.derived.derive_for(source_id, suits)
            if derived is not None:
                self._derived[source_id] = derived

    def open(self, source_id: int) -> UnsupportedCode | None:
        """Has the leg started, if there is to be one. Why it cannot be; None if all is well."""
        derived = self._derived.get(source_id)
        if derived is None or source_id in self._keys:
            return None
        try:
            self._keys[source_id] = derived.acquire(self, self._share)
        except BridgeError as error:
            return "legs_exhausted" if error.code == "legs_exhausted" else "leg_failed"
        derived.prefer_dtx(self, self._dtx)
        return None

    @property
    def thinned(self) -> frozenset[int]:
        """Sources that are made thinner for this line, although the receiver has their codec."""
        return frozenset(self._thinned)

    def by_codec(self, source_id: int) -> bool:
        """Whether a leg makes a source since the receiver lacks its codec."""
        return source_id in self._derived and source_id not in self._thinned

    def thin(self, source_id: int, *, anew: bool) -> bool:
        """Has a source made thinner, until `restore`: within the stream in which it is forwarded.

        With `anew` also where the leg makes another codec: then its consumer is ended, and another one to be made.
        False if there is no leg to be had; then all is as it was.
        """
        derived = self._router.derived.thinner(source_id, self._lacking)
        if derived is None:
            return False
        mapping = self._mapping(source_id, derived)
        if mapping is None and not anew:
            return False
        if self._leaving.get(source_id) is derived:
            del self._leaving[source_id]
        try:
            key = derived.acquire(self, self._share)
        except BridgeError:
            return False
        self._derived[source_id], self._keys[source_id] = derived, key
        self._thinned[source_id] = mapping is not None
        if mapping is None:
            self._consumers.close(source_id)
        else:
            self._consumers.hand_over(source_id, key, [mapping])
        return True

    def restore(self, source_id: int) -> None:
        """Has a source forwarded again that was made thinner: within its stream, or else its consumer is ended."""
        if not self._thinned.get(source_id) or self._keys[source_id] not in self._consumers:
            self.close(source_id)
            return
        key = self._keys.pop(source_id)
        del self._thinned[source_id]
        self._leaving[source_id] = self._derived.pop(source_id)
        self._consumers.hand_over(key, source_id, self._consumers.mappings(key))

    def arrived(self, source_id: int) -> None:
        """What is consumed for a source is sent: what was sent before is needed no more."""
        self._leave(source_id)

    def close(self, source_id: int) -> None:
        """Ends what is consumed for a source, and the leg with its last receiver."""
        self._consumers.close(self.key(source_id))
        if self._keys.pop(source_id, None) is not None:
            self._derived[source_id].release(self)
        if self._thinned.pop(source_id, None) is not None:
            del self._derived[source_id]
        self._leave(source_id)

    def ended(self, source_id: int) -> None:
        """A source has ended, or its leg for good; what was consumed for it ends by itself."""
        self._consumers.forget(self.key(source_id))
        self._keys.pop(source_id, None)
        self._derived.pop(source_id, None)
        self._thinned.pop(source_id, None)
        self._leave(source_id)

    @property
    def lacking(self) -> frozenset[str]:
        """Codecs that the receiver is known to lack, as `variant` names them."""
        return frozenset(self._lacking)

    def lacks(self, codecs: Sequence[MediaCodec]) -> None:
        """The receiver refused what is sent in these."""
        self._lacking.add(variant(_first(codecs)))

    def on_estimate(self, event: EstimateEvent) -> int:
        """What the line carries: legs make what fits, each picture an equal share. What all get is returned (bit/s)."""
        pictures, sounds = self._consumers.counts()
        room = round(max(0, event["bitrate"] * OVERHEAD - min(sounds, MAX_SPEAKERS) * sound.on_the_wire()))
        self._share = share = round(room / max(1, pictures))
        for source_id in self._keys:
            self._derived[source_id].set_bitrate(self, share)
            self._derived[source_id].set_loss(self, event["fraction_lost"])
        return room

    def prefer_dtx(self, dtx: bool) -> None:
        """Whether the receiver prefers that legs leave silence out of Opus, as far as it has said."""
        self._dtx = dtx
        for source_id in self._keys:
            self._derived[source_id].prefer_dtx(self, dtx)

    def on_encoding(self, producer_id: int, encoding: int, bitrate: int) -> None:
        """Told by what a leg makes: which of its encodings is for this line."""
        if all(each.producer_id != producer_id for each in self._leaving.values()):
            self._consumers.choose(producer_id, encoding, bitrate)

    def close_all(self) -> None:
        """Ends all of them, as the connection ends."""
        for source_id in (*self._keys, *self._leaving):
            self.close(source_id)

    def _leave(self, source_id: int) -> None:
        leaving = self._leaving.pop(source_id, None)
        if leaving is not None:
            leaving.release(self)

    def _mapping(self, source_id: int, derived: DerivedProducer) -> Mapping | None:
        """How the receiver numbers what the leg makes, where that is the codec in which the source is forwarded."""
        sent = _first(self._router.producers[source_id].codecs)
        if variant(derived.codec) != variant(sent):
            return None
        forwarded = self._consumers.mappings(source_id)
        mapping = next((each for each in forwarded if each.producer == sent.payload_type), None)
        return None if mapping is None else replace(mapping, producer=derived.codec.payload_type)

    def _seek(self, source_id: int) -> bool:
        derived = self._router.derived.derive(source_id, self._lacking)
        if derived is None:
            self._derived.pop(source_id, None)
            return False
        self._derived[source_id] = derived
        return True


def _first(codecs: Sequence[MediaCodec]) -> Codec:
    """The codec that is sent."""
    return next((each.codec for each in codecs if each.codec.key != "red"), codecs[0].codec)
