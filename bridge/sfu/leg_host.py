"""What everything made by a leg has in common: the leg, the transport it hangs on, and what it takes in of the room."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.sfu.allocation.sharing import MAX_BITRATE, MIN_BITRATE, START_BITRATE, Rates, Receiver, SharedLines
from bridge.sfu.leg_transport import LegTransport
from bridge.sfu.legs import AnyLegSpec, Leg, LegRunner
from bridge.sfu.sdp import codecs
from bridge.sfu.sdp.codecs import MediaCodec
from bridge.sfu.socket_transport import layer_up_to, new_ssrc, received
from bridge.sfu.sound_loss import SoundLoss
from bridge.sfu.types import LegInput, LegReason, LegReport, MediaKind

if TYPE_CHECKING:
    from bridge.sfu.router import PublishedProducer, Router

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class TakenIn:
    """A producer of the room on its way to the leg."""

    published: PublishedProducer
    consumer_id: int
    ssrc: int
    spatial: int | None = None
    """The encoding that was chosen of a picture."""


class LegHost(ABC):
    """Runs one leg while there is something for it to make."""

    reason: LegReason
    """Why there is a leg."""

    def __init__(self, router: Router, runner: LegRunner, kind: MediaKind) -> None:
        self._router = router
        self._runner = runner
        self.kind = kind
        self._leg: Leg | None = None
        self._transport: LegTransport | None = None
        self._inputs: dict[int, TakenIn] = {}
        """By producer."""
        self._loss = SoundLoss()
        """Of the sound that it makes."""
        self._dtx: dict[object, bool] = {}
        """Whether each receiver of it prefers that silence is not sent (`usedtx`)."""

    @property
    @abstractmethod
    def receivers(self) -> int:
        """How many have what it makes."""

    @abstractmethod
    def _made(self) -> list[int]:
        """The producers that it makes now."""

    @abstractmethod
    def _made_codecs(self) -> Collection[MediaCodec]:
        """What it makes them in."""

    @abstractmethod
    def _forget_receivers(self) -> None:
        """Nobody has any of it any more."""

    @abstractmethod
    def _forget_made(self) -> None:
        """There are no producers of it any more."""

    def report(self) -> LegReport | None:
        """What runs for it; None while nothing does."""
        leg = self._leg
        if leg is None:
            return None
        inputs = tuple(LegInput(each, taken.published.producer.codecs[0]) for each, taken in self._inputs.items())
        target = ", ".join(codecs.names(self._made_codecs()))
        return LegReport(inputs, self.kind, target, self.reason, self.receivers, leg.restarts, leg.stats)

    def producer_ended(self, producer_id: int) -> None:
        """A producer of the room has ended, and its consumer with it."""
        self._inputs.pop(producer_id, None)

    def on_leg_ended(self, code: str) -> None:
        """Told by the runner: the leg is gone for good."""
        logger.warning("a leg has ended for good: %s (%s)", code, self.reason)
        self._forget_receivers()
        # Not after `end`, by which the router knows them no more.
        self._router.end_producers(self._made())
        self.end()

    def end(self) -> None:
        """Ends the leg and what it hangs on. The core ends the consumers with it. Idempotent."""
        made = self._made()
        transport, self._transport, self._leg = self._transport, None, None
        self._forget_made()
        if transport is None:
            return
        transport.close()
        for producer_id in self._inputs:
            self._router.receives_no_more(self, producer_id)
        self._inputs.clear()
        for producer_id in made:
            self._router.producers.pop(producer_id, None)
            self._router.layers.pop(producer_id, None)
        self._router.legs_changed()

    def _start_leg(self, spec: AnyLegSpec, bitrate: int) -> LegTransport:
        """A place for the leg, and the transport that it hangs on. Raises `BridgeError`."""
        self._leg = self._runner.reserve(spec, bitrate, self)
        self._loss = SoundLoss()
        self._dtx = {}
        self._transport = LegTransport(self._router, self._leg, lambda: self.on_leg_ended("leg_failed"))
        return self._transport

    def _lose(self, receiver: object, lost: float) -> None:
        """A receiver loses so much of the sound, 0–1."""
        before, percent = self._loss.percent, self._loss.follow(now(), receiver, lost)
        if self._leg is not None and percent is not None and percent != before:
            self._leg.set_loss(percent)

    def _prefer_dtx(self, receiver: object, dtx: bool) -> None:
        """Whether a receiver prefers that silence is not sent. One encoder serves all, so all have to."""
        before, self._dtx = self._dtx, {**self._dtx, receiver: dtx}
        self._tell_dtx(before)

    def _forget(self, receiver: object) -> None:
        """A receiver of the sound less. Idempotent."""
        self._loss.leave(receiver)
        before, self._dtx = self._dtx, {each: dtx for each, dtx in self._dtx.items() if each is not receiver}
        self._tell_dtx(before)

    def _tell_dtx(self, before: Mapping[object, bool]) -> None:
        wanted = _by_all(self._dtx)
        if self._leg is not None and self.kind == "audio" and wanted != _by_all(before):
            self._leg.set_dtx(wanted)

    def _take_in(self, transport: LegTransport, wanted: Mapping[int, PublishedProducer]) -> None:
        """Has these, and no others, sent to the leg."""
        for producer_id in [producer_id for producer_id in self._inputs if producer_id not in wanted]:
            transport.end_consumer(self._inputs.pop(producer_id).consumer_id)
            self._router.receives_no_more(self, producer_id)
        for producer_id, published in wanted.items():
            if producer_id not in self._inputs:
                ssrc = new_ssrc()
                self._inputs[producer_id] = TakenIn(published, transport.consume(published, ssrc), ssrc)

    def _choose_layer(self, producer_id: int, height: int, room: int | None = None) -> None:
        """Takes in the layer of a picture that is of use for so many lines. `room`: what it needs at most, bit/s."""
        taken, layer = self._inputs.get(producer_id), layer_up_to(self._router.layers.get(producer_id, ()), height)
        if taken is None or layer is None or self._transport is None or layer.spatial == taken.spatial:
            return
        taken.spatial = layer.spatial
        self._transport.choose_layer(taken.consumer_id, layer.spatial)
        self._router.receives(self, producer_id, received(layer, height, room))


class SharedProducer(LegHost):
    """One producer, of which receivers with lines of different width share what their lines carry."""

    def __init__(self, router: Router, runner: LegRunner, kind: MediaKind, made: tuple[MediaCodec, ...]) -> None:
        super().__init__(router, runner, kind)
        self.codecs = made
        self.producer_id = 0
        """Its id now; another one each time that it is started, 0 while it is not."""
        self._lines = SharedLines(START_BITRATE, MIN_BITRATE, MAX_BITRATE)
        """What each receiver's line carries of it."""
        self._rates = self._lines.rates

    def headroom(self, encoding: int) -> int:
        """What more it could be of an encoding if its receivers' lines carried it, in bit/s."""
        return MAX_BITRATE - self._rates.of(encoding) if self.kind == "video" else 0

    def _made(self) -> list[int]:
        return [self.producer_id] if self.producer_id else []

    def _made_codecs(self) -> Collection[MediaCodec]:
        # What stands beside it, such as keys that are pressed, goes without saying.
        return self.codecs[:1]

    def _forget_receivers(self) -> None:
        self._lines.clear()

    def _forget_made(self) -> None:
        self.producer_id = 0

    def _produce(self, transport: LegTransport, published: PublishedProducer, *ssrcs: int) -> None:
        """Puts it on the room's list, under the id that it has now."""
        self._router.producers[self.producer_id] = published
        transport.produce(self.producer_id, self.kind, self.codecs, *ssrcs)

    def _follow(self, receiver: Receiver, bitrate: int) -> None:
        """A receiver's line carries so much of it, in bit/s."""
        self._make(self._lines.follow(now(), receiver, bitrate))

    def _wanted_rates(self) -> Rates:
        return self._lines.rates

    def _make(self, moved: Sequence[Receiver]) -> None:
        """Has the leg make what the lines carry, and tells those who get another encoding of it."""
        rates = self._wanted_rates()
        if self._leg is None:
            return
        if rates != self._rates:
            before, self._rates = self._rates, rates
            self._leg.set_bitrate(rates.main, rates.thin)
            self._rates_changed(before)
        if self.kind == "video":
            self._lines.tell(self.producer_id, moved)

    def _rates_changed(self, before: Rates) -> None:
        """The leg was told to make other rates than these."""


def now() -> float:
    """Seconds of the loop's clock."""
    return asyncio.get_running_loop().time()


def _by_all(preferences: Mapping[object, bool]) -> bool:
    return bool(preferences) and all(preferences.values())
