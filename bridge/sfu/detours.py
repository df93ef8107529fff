"""Which producers one receiver gets by way of a leg, since it lacks their codec or its line does not carry them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bridge.errors import BridgeError
from bridge.sfu.allocation.receiver import MAX_SPEAKERS
from bridge.sfu.allocation.sharing import START_BITRATE
from bridge.sfu.consumers import Consumers
from bridge.sfu.derived import DerivedProducer, Suits, variant
from bridge.sfu.sdp.codecs import MediaCodec
from bridge.sfu.sdp.description import Codec
from bridge.sfu.types import UnsupportedCode

if TYPE_CHECKING:
    from bridge._core import EstimateEvent
    from bridge.sfu.router import PublishedProducer, Router

AUDIO_BITRATE = 45_000
"""Reserved for each sound beside the pictures, up to `MAX_SPEAKERS` of them, in bit/s."""
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
        self._thinned: set[int] = set()
        """Sources whose codec it has, and whose pictures are too much for its line."""
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

    def thin(self, source_id: int) -> bool:
        """Has a source made thinner, until it is closed. False if there is no leg to be had; then all is as it was."""
        derived = self._router.derived.thinner(source_id, self._lacking)
        if derived is None:
            return False
        try:
            key = derived.acquire(self, self._share)
        except BridgeError:
            return False
        self._consumers.close(source_id)
        self._derived[source_id], self._keys[source_id] = derived, key
        self._thinned.add(source_id)
        return True

    def close(self, source_id: int) -> None:
        """Ends what is consumed for a source, and the leg with its last receiver."""
        self._consumers.close(self.key(source_id))
        if self._keys.pop(source_id, None) is not None:
            self._derived[source_id].release(self)
        if source_id in self._thinned:
            self._thinned.remove(source_id)
            del self._derived[source_id]

    def ended(self, source_id: int) -> None:
        """A source has ended, or its leg for good; what was consumed for it ends by itself."""
        self._consumers.forget(self.key(source_id))
        self._keys.pop(source_id, None)
        self._derived.pop(source_id, None)
        self._thinned.discard(source_id)

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
        room = round(max(0, event["bitrate"] * OVERHEAD - min(sounds, MAX_SPEAKERS) * AUDIO_BITRATE))
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
        self._consumers.choose(producer_id, encoding, bitrate)

    def close_all(self) -> None:
        """Ends all of them, as the connection ends."""
        for source_id in tuple(self._keys):
            self.close(source_id)

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
