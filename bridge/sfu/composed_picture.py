"""One picture of everybody in a room, made by a leg: a producer of the router that receivers get instead of many.

All who take the same codec share it, and the thinnest of their lines decides how large it is and how often it comes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.sfu.allocation.sharing import MAX_BITRATE, MIN_BITRATE, START_BITRATE, Rates, Receiver
from bridge.sfu.leg_host import SharedProducer, now
from bridge.sfu.leg_transport import DECODED, leg_codec, taken
from bridge.sfu.legs import ComposeSpec, PictureScene, SceneSource
from bridge.sfu.parties import Party
from bridge.sfu.sdp import codecs
from bridge.sfu.sdp.codecs import MediaCodec
from bridge.sfu.sdp.description import Codec
from bridge.sfu.socket_transport import ORIENTATION, new_ssrc
from bridge.sfu.types import ComposedLayout, Producer

if TYPE_CHECKING:
    from bridge.sfu.compositions import Compositions
    from bridge.sfu.router import PublishedProducer

MAX_PICTURES = 16
"""Pictures that are decoded at most; the initials of others stand in their place."""
MAX_SOURCES = 64
"""Sources that the leg is told of at most."""
SMALL_HEIGHT, LARGE_HEIGHT, SCREEN_HEIGHT = 180, 360, 720
"""Lines of the layer that is taken in: of a camera among several, of one among few, of a screen."""
FEW = 2
CAMERA_ROOM = 300_000
"""What a camera need send for it at most, in bit/s: nobody sees more of it than a tile."""


class ComposedPicture(SharedProducer):
    """It exists in the core while it has receivers."""

    reason = "composed"

    def __init__(self, owner: Compositions, target: Codec, layout: ComposedLayout) -> None:
        super().__init__(owner.router, owner.runner, "video", (MediaCodec(target),))
        self._owner = owner
        self.codec = target
        self.layout = layout
        self._away: dict[Receiver, int] = {}
        """What the line carries of it of each receiver that does not show it now."""

    def acquire(self, receiver: Receiver, bitrate: int = START_BITRATE) -> int:
        """Has it made for one more receiver; the producer to consume. Raises `BridgeError` if no leg may be started."""
        if self._transport is None:
            self._start(bitrate)
        self._follow(receiver, bitrate)
        self._router.legs_changed()
        return self.producer_id

    def release(self, receiver: Receiver) -> None:
        """One receiver less; it ends with the last. Idempotent."""
        if receiver not in self._lines and receiver not in self._away:
            return
        self._away.pop(receiver, None)
        moved = self._lines.leave(now(), receiver)
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
            self._follow(receiver, bitrate)

    def show(self, receiver: Receiver, shown: bool) -> None:
        """Whether a receiver shows it now: while nobody does, it is not made, and nothing is taken in for it."""
        if shown and receiver in self._away:
            self._follow(receiver, self._away.pop(receiver))
        elif not shown and receiver in self._lines:
            self._away[receiver] = self._lines.bitrate(receiver)
            self._make(self._lines.leave(now(), receiver))

    def lay_out(self, layout: ComposedLayout) -> None:
        """Goes on in another layout, in the same stream."""
        self.layout = layout
        self.follow()

    @property
    def receivers(self) -> int:
        """How many have it, whether or not they show it."""
        return len(self._lines) + len(self._away)

    def follow(self) -> None:
        """The room, its speaker or a layer of a producer is another: takes in what is of use, and tells the leg."""
        if self._transport is None or self._leg is None:
            return
        shown = [(party, party.camera, False) for party in self._owner.parties]
        shown += [(party, screen, True) for party in self._owner.parties for screen in party.screens]
        self._take_in(self._transport, self._usable(_most_wanted(shown) if self._rates.main else []))
        self._choose_layers()
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

    def _start(self, bitrate: int) -> None:
        ssrcs = (new_ssrc(), new_ssrc())
        self._rates = Rates(max(MIN_BITRATE, min(MAX_BITRATE, bitrate)), 0)
        transport = self._start_leg(ComposeSpec(leg_codec(self.codec), *ssrcs, ORIENTATION), self._rates.main)
        self.producer_id = self._router.new_id()
        producer = Producer(self.producer_id, "composed", "video", codecs.names(self.codecs))
        self._produce(transport, self._owner.published(producer, self.codecs), *ssrcs)
        self.follow()

    def _usable(self, wanted: list[int]) -> dict[int, PublishedProducer]:
        return {
            producer_id: published
            for producer_id in wanted
            if (published := self._router.producers.get(producer_id)) is not None
            and published.codecs[0].codec.key in DECODED["video"]
        }

    def _choose_layers(self) -> None:
        for producer_id in self._inputs:
            if any(producer_id in party.screens for party in self._owner.parties):
                self._choose_layer(producer_id, SCREEN_HEIGHT)
            else:
                height = SMALL_HEIGHT if len(self._inputs) > FEW else LARGE_HEIGHT
                self._choose_layer(producer_id, height, CAMERA_ROOM)

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

    def _forget_receivers(self) -> None:
        super()._forget_receivers()
        self._away.clear()

    def _wanted_rates(self) -> Rates:
        return super()._wanted_rates() if len(self._lines) else Rates(0, 0)

    def _rates_changed(self, before: Rates) -> None:
        if bool(before.main) is not bool(self._rates.main):
            self.follow()
            self._router.legs_changed()


def _most_wanted(shown: list[tuple[Party, int | None, bool]]) -> list[int]:
    """Producers to decode where there are more than can be: screens, interpreters, then whoever came first."""
    by_need = sorted(shown, key=lambda each: (not each[2], not each[0].interpreter))
    return [producer_id for _, producer_id, _ in by_need if producer_id is not None][:MAX_PICTURES]
