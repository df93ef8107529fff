"""One picture of everybody in a room, made by a leg: a producer of the router that receivers get instead of many.

All who take the same codec share it, and the thinnest of their lines decides how large it is and how often it comes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bridge.sfu.allocation.sharing import MAX_BITRATE, MIN_BITRATE, START_BITRATE, Rates, Receiver, SharedLines
from bridge.sfu.leg_transport import DECODED, LegTransport, leg_codec, taken
from bridge.sfu.legs import ComposeSpec, Leg, PictureScene, SceneSource
from bridge.sfu.parties import Party
from bridge.sfu.sdp import codecs
from bridge.sfu.sdp.codecs import MediaCodec
from bridge.sfu.sdp.description import Codec
from bridge.sfu.socket_transport import ORIENTATION, layer_up_to, new_ssrc, received
from bridge.sfu.types import ComposedLayout, LegInput, LegReport, Producer

if TYPE_CHECKING:
    from bridge.sfu.compositions import Compositions
    from bridge.sfu.router import PublishedProducer

logger = logging.getLogger(__name__)

MAX_PICTURES = 16
"""Pictures that are decoded at most; the initials of others stand in their place."""
MAX_SOURCES = 64
"""Sources that the leg is told of at most."""
SMALL_HEIGHT, LARGE_HEIGHT, SCREEN_HEIGHT = 180, 360, 720
"""Lines of the layer that is taken in: of a camera among several, of one among few, of a screen."""
FEW = 2
CAMERA_ROOM = 300_000
"""What a camera need send for it at most, in bit/s: nobody sees more of it than a tile."""


@dataclass(slots=True)
class _Input:
    """A stream on its way to the leg."""

    published: PublishedProducer
    consumer_id: int
    ssrc: int
    spatial: int | None = None


class ComposedPicture:
    """It exists in the core while it has receivers."""

    def __init__(self, owner: Compositions, target: Codec, layout: ComposedLayout) -> None:
        self._owner = owner
        self._router = owner.router
        self.codec = target
        self.layout = layout
        self.codecs = (MediaCodec(target),)
        self.producer_id = 0
        """Its id now; another one each time that it is started, 0 while it is not."""
        self._lines = SharedLines(START_BITRATE, MIN_BITRATE, MAX_BITRATE)
        """What the line carries of it of each receiver that shows it."""
        self._away: dict[Receiver, int] = {}
        """The same of those that do not show it now."""
        self._rates = self._lines.rates
        self._leg: Leg | None = None
        self._transport: LegTransport | None = None
        self._inputs: dict[int, _Input] = {}
        """By producer."""

    def acquire(self, receiver: Receiver, bitrate: int = START_BITRATE) -> int:
        """Has it made for one more receiver; the producer to consume. Raises `BridgeError` if no leg may be started."""
        if self._transport is None:
            self._start(bitrate)
        self._make(self._lines.follow(_now(), receiver, bitrate))
        self._router.legs_changed()
        return self.producer_id

    def release(self, receiver: Receiver) -> None:
        """One receiver less; it ends with the last. Idempotent."""
        if receiver not in self._lines and receiver not in self._away:
            return
        self._away.pop(receiver, None)
        moved = self._lines.leave(_now(), receiver)
        if self.receivers:
            self._make(moved)
        else:
            self.end()
        self._router.legs_changed()

    def set_bitrate(self, receiver: Receiver, bitrate: int) -> None:
        """What the line of a receiver carries of it."""
        if receiver in self._away:
            self._away[receiver] = bitrate
        elif receiver in self._lines:
            self._make(self._lines.follow(_now(), receiver, bitrate))

    def show(self, receiver: Receiver, shown: bool) -> None:
        """Whether a receiver shows it now: while nobody does, it is not made, and nothing is taken in for it."""
        if shown and receiver in self._away:
            self._make(self._lines.follow(_now(), receiver, self._away.pop(receiver)))
        elif not shown and receiver in self._lines:
            self._away[receiver] = self._lines.bitrate(receiver)
            self._make(self._lines.leave(_now(), receiver))

    def lay_out(self, layout: ComposedLayout) -> None:
        """Goes on in another layout, in the same stream."""
        self.layout = layout
        self.follow()

    @property
    def receivers(self) -> int:
        """How many have it, whether or not they show it."""
        return len(self._lines) + len(self._away)

    def headroom(self, encoding: int) -> int:
        """What more it could be of an encoding if its receivers' lines carried it, in bit/s."""
        return MAX_BITRATE - self._rates.of(encoding)

    def follow(self) -> None:
        """The room, its speaker or a layer of a producer is another: takes in what is of use, and tells the leg."""
        if self._transport is None or self._leg is None:
            return
        shown = [(party, party.camera, False) for party in self._owner.parties]
        shown += [(party, screen, True) for party in self._owner.parties for screen in party.screens]
        self._take_in(_most_wanted(shown) if self._rates.main else [])
        for producer_id, taken_in in self._inputs.items():
            self._choose_layer(producer_id, taken_in)
        speaker = self._owner.speaker()
        self._leg.set_scene(
            PictureScene(
                tuple(
                    self._scene_source(party, producer_id, screen=screen, speaking=party.id == speaker)
                    for party, producer_id, screen in shown[:MAX_SOURCES]
                ),
                self.layout,
            )
        )

    def producer_ended(self, producer_id: int) -> None:
        """A producer of the room has ended, and its consumer with it."""
        self._inputs.pop(producer_id, None)

    def report(self) -> LegReport | None:
        """What runs for it; None while nothing does."""
        if self._leg is None:
            return None
        inputs = tuple(
            LegInput(producer_id, each.published.producer.codecs[0]) for producer_id, each in self._inputs.items()
        )
        target, receivers = codecs.names(self.codecs)[0], self.receivers
        return LegReport(inputs, "video", target, "composed", receivers, self._leg.restarts, self._leg.stats)

    def on_leg_ended(self, code: str) -> None:
        """Told by the runner: the leg is gone for good."""
        logger.warning("a leg for a composed picture has ended for good: %s", code)
        self._lines.clear()
        self._away.clear()
        # Not after `end`, by which the router knows it no more.
        self._router.end_producers([self.producer_id])
        self.end()
        self._router.legs_changed()

    def end(self) -> None:
        """Ends the leg and what it hangs on. The core ends the consumers with it."""
        producer_id, self.producer_id = self.producer_id, 0
        transport, self._transport, self._leg = self._transport, None, None
        if transport is None:
            return
        transport.close()
        for taken_in in self._inputs:
            self._router.receives_no_more(self, taken_in)
        self._inputs.clear()
        self._router.producers.pop(producer_id, None)
        self._router.layers.pop(producer_id, None)

    def _start(self, bitrate: int) -> None:
        router, ssrcs = self._router, (new_ssrc(), new_ssrc())
        spec = ComposeSpec(leg_codec(self.codec), *ssrcs, ORIENTATION)
        self._rates = Rates(max(MIN_BITRATE, min(MAX_BITRATE, bitrate)), 0)
        self._leg = self._owner.runner.reserve(spec, self._rates.main, self)
        self._transport = LegTransport(router, self._leg, lambda: self.on_leg_ended("leg_failed"))
        self.producer_id = router.new_id()
        producer = Producer(self.producer_id, "composed", "video", codecs.names(self.codecs))
        router.producers[self.producer_id] = self._owner.published(producer, self.codecs)
        self._transport.produce(self.producer_id, "video", self.codecs, *ssrcs)
        self.follow()

    def _take_in(self, wanted: list[int]) -> None:
        assert self._transport is not None  # noqa: S101 - it runs
        usable = {
            producer_id: published
            for producer_id in wanted
            if (published := self._router.producers.get(producer_id)) is not None
            and published.codecs[0].codec.key in DECODED["video"]
        }
        for producer_id in [producer_id for producer_id in self._inputs if producer_id not in usable]:
            self._transport.end_consumer(self._inputs.pop(producer_id).consumer_id)
            self._router.receives_no_more(self, producer_id)
        for producer_id, published in usable.items():
            if producer_id not in self._inputs:
                ssrc = new_ssrc()
                self._inputs[producer_id] = _Input(published, self._transport.consume(published, ssrc), ssrc)

    def _choose_layer(self, producer_id: int, taken_in: _Input) -> None:
        screen = any(producer_id in party.screens for party in self._owner.parties)
        height = SCREEN_HEIGHT if screen else SMALL_HEIGHT if len(self._inputs) > FEW else LARGE_HEIGHT
        layer = layer_up_to(self._router.layers.get(producer_id, ()), height)
        if layer is not None and layer.spatial != taken_in.spatial and self._transport is not None:
            taken_in.spatial = layer.spatial
            self._transport.choose_layer(taken_in.consumer_id, layer.spatial)
            room = None if screen else CAMERA_ROOM
            self._router.receives(self, producer_id, received(layer, height, room))

    def _scene_source(self, party: Party, producer_id: int | None, *, screen: bool, speaking: bool) -> SceneSource:
        source = SceneSource(
            f"{party.id} {producer_id}" if screen else party.id,
            party.name,
            None,
            screen=screen,
            pinned=party.interpreter and not screen,
            speaking=speaking and not screen,
            muted=party.muted and not screen,
        )
        taken_in = None if producer_id is None else self._inputs.get(producer_id)
        if taken_in is None:
            return source
        return replace(source, ssrc=taken_in.ssrc, codecs=tuple(map(leg_codec, taken(taken_in.published))))

    def _make(self, moved: Sequence[Receiver]) -> None:
        """Has the leg make what the lines carry, and tells those who get another encoding of it."""
        rates = self._lines.rates if len(self._lines) else Rates(0, 0)
        if self._leg is None:
            return
        if rates != self._rates:
            turned = bool(rates.main) is not bool(self._rates.main)
            self._rates = rates
            self._leg.set_bitrate(rates.main, rates.thin)
            if turned:
                self.follow()
                self._router.legs_changed()
        self._lines.tell(self.producer_id, moved)


def _most_wanted(shown: list[tuple[Party, int | None, bool]]) -> list[int]:
    """Producers to decode where there are more than can be: screens, interpreters, then whoever came first."""
    by_need = sorted(shown, key=lambda each: (not each[2], not each[0].interpreter))
    return [producer_id for _, producer_id, _ in by_need if producer_id is not None][:MAX_PICTURES]


def _now() -> float:
    return asyncio.get_running_loop().time()
