"""One room's media on one worker: who publishes what, and who is to be told when that changes."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from bridge.sfu.allocation import ceiling, publishing
from bridge.sfu.allocation.ceiling import Ceiling
from bridge.sfu.allocation.model import Layer
from bridge.sfu.allocation.publishing import Received
from bridge.sfu.compositions import Compositions
from bridge.sfu.derived import DerivedProducers
from bridge.sfu.legs import LegRunner, NoLegs
from bridge.sfu.sdp.codecs import MediaCodec
from bridge.sfu.types import AudioLevel, LegReport, Producer
from bridge.sfu.workers import WorkerHandle

if TYPE_CHECKING:
    from bridge._core import Event


@dataclass
class PublishedProducer:
    """A producer as the room's sessions see it."""

    producer: Producer
    codecs: tuple[MediaCodec, ...]
    owner: str
    """Id of the session that publishes it."""
    want_encodings: Callable[[Collection[int], int | None, Collection[int]], None] = lambda _wanted, _ceiling, _need: (
        None
    )
    """Says which of its encodings, by index, are to be received by anybody: see `PublishConnection.want_encodings`."""
    most_pixels: int = 0
    """Size of the largest picture that was seen of it: an encoder that is given less makes smaller ones by itself."""
    most_bitrate: int = 0
    """What it took at most, in bit/s, where its encoder has bounds of its own; else 0."""
    bounds_itself: bool = False
    """Whether its publisher hears nothing of encodings: what its encoder makes without a bound is known to it alone."""
    heeds: bool = True
    """Whether its publisher can be told at all what to send, by our signalling or by REMB."""
    ceiling: Ceiling = field(default_factory=Ceiling)
    """What its publisher was told that anybody's line takes of an encoding at most."""
    hearers: dict[object, int | None] = field(default_factory=dict)
    """Receivers of this sound, and what their lines have for it at most, in bit/s; None: they carry it as it comes."""
    needed: frozenset[int] = frozenset()
    """Which encodings nobody's line could do without: its publisher may leave out the others."""

    @property
    def sound_bitrate(self) -> int | None:
        """What the best line of all hearers has for this sound, in bit/s; None where that carries it as it comes."""
        bounds = [bound for bound in self.hearers.values() if bound is not None]
        return max(bounds) if bounds and len(bounds) == len(self.hearers) else None

    def saw(self, layers: Sequence[Layer]) -> None:
        """Takes in what comes of it now."""
        self.most_pixels = max(self.most_pixels, *(layer.width * layer.height for layer in layers), 0)
        if self.bounds_itself:
            self.most_bitrate = max(self.most_bitrate, *(layer.bitrate for layer in layers), 0)


class RouterMember(Protocol):
    """A session, as its router sees it."""

    session_id: str

    def producers_ended(self, producer_ids: Sequence[int]) -> None:
        """Producers of the room ended, and with them their consumers."""

    def audio_levels(self, levels: Sequence[AudioLevel]) -> None:
        """Levels of the room's audio producers."""

    def active_speaker(self, producer_id: int | None) -> None:
        """Another one is the active speaker."""

    def layers_changed(self, producer_id: int) -> None:
        """The layers of a producer of the room changed."""

    def legs_changed(self, legs: Sequence[LegReport]) -> None:
        """The legs of the room are others now."""

    def lost(self, reason: str) -> None:
        """The worker died."""


@dataclass
class Router:
    """A room on a worker. It exists while it has sessions."""

    room_id: str
    router_id: int
    worker: WorkerHandle
    new_id: Callable[[], int]
    speakers: int = 0
    """How many of the loudest are forwarded; 0 for all."""
    leg_runner: LegRunner = field(default_factory=NoLegs)
    members: dict[str, RouterMember] = field(default_factory=dict)
    producers: dict[int, PublishedProducer] = field(default_factory=dict)
    voices: int = 0
    """How many speak now, by the levels of their packets."""
    active_speaker: int | None = None
    """The audio producer whose owner speaks, or spoke last."""
    _always: tuple[int, ...] = ()
    layers: dict[int, tuple[Layer, ...]] = field(default_factory=dict)
    """The layers of each video producer, those included that its publisher was asked not to send."""
    _receives: dict[int, dict[object, Received]] = field(default_factory=dict)
    _salt: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    def __post_init__(self) -> None:
        self.derived = DerivedProducers(self, self.leg_runner)
        self.compositions = Compositions(self, self.leg_runner)
        self._legs_told: list[LegReport] = []
        self.worker.route(self.router_id, self._on_event)

    def select_speakers(self, *, always: Sequence[int]) -> None:
        """Has these producers forwarded beside the loudest, however silent they are: a pinned interpreter."""
        if tuple(always) != self._always:
            self._always = tuple(always)
            self.transport_made()

    def transport_made(self) -> None:
        """Tells the core who is to be heard: it forgets a router with its last transport."""
        if self.speakers > 0:
            self.worker.core.select_speakers(self.router_id, {"max": self.speakers, "always": list(self._always)})

    def close(self) -> None:
        """Forgets it; the core forgets its half with its last transport."""
        self.derived.close()
        self.compositions.close()
        self.worker.unroute(self.router_id)

    def cname(self, participant: str) -> str:
        """The CNAME of a participant: the same for all it sends to this room, and meaningless elsewhere (RFC 7022)."""
        return hashlib.blake2b(participant.encode(), key=self._salt, digest_size=12).hexdigest()

    def end_producers(self, producer_ids: Sequence[int]) -> None:
        """Takes producers off the room's list and tells everyone. The core has been told by the caller."""
        ended = [producer_id for producer_id in producer_ids if self.producers.pop(producer_id, None) is not None]
        for producer_id in ended:
            self.layers.pop(producer_id, None)
            self._receives.pop(producer_id, None)
        ended += self.derived.sources_ended(ended)
        if ended:
            self.compositions.producers_ended(ended)
            for member in tuple(self.members.values()):
                member.producers_ended(ended)

    def made(self, producer: Producer, codecs: tuple[MediaCodec, ...]) -> PublishedProducer:
        """A producer that is made here and that nobody owns, to be put on the list."""
        return PublishedProducer(producer, codecs, owner="")

    def leg_reports(self) -> list[LegReport]:
        """The legs that run for this room."""
        return [*self.derived.reports(), *self.compositions.reports()]

    def legs_changed(self) -> None:
        """Tells the room's members which legs run now, if that has changed."""
        reports = self.leg_reports()
        if reports != self._legs_told:
            self._legs_told = reports
            for member in tuple(self.members.values()):
                member.legs_changed(reports)

    def headroom(self, producer_id: int, encoding: int) -> int:
        """What more an encoding of a producer could be if lines carried it, in bit/s: 0 where no leg makes it."""
        return self.derived.headroom(producer_id, encoding) or self.compositions.headroom(producer_id, encoding)

    def owner(self, producer_id: int) -> str | None:
        """Id of the session that publishes a producer."""
        published = self.producers.get(producer_id)
        return None if published is None else published.owner

    def on_layers(self, producer_id: int, live: Sequence[Layer]) -> None:
        """Which layers of a producer come now.

        Those of encodings that do not come are remembered as they were: their publisher was asked to pause them, and
        somebody may want them again. One that is gone for other reasons costs nothing: the core sends another instead.
        """
        spatial = {layer.spatial for layer in live}
        paused = [layer for layer in self.layers.get(producer_id, ()) if layer.spatial not in spatial]
        smallest = min((layer.width * layer.height for layer in (*live, *paused)), default=0)
        # What one took while little was asked for is less than what it needs to look better than a smaller one.
        worth = (
            replace(layer, bitrate=max(layer.bitrate, ceiling.least(layer)))
            if layer.width * layer.height > smallest
            else layer
            for layer in paused
        )
        self.layers[producer_id] = (*live, *worth)
        if (published := self.producers.get(producer_id)) is not None:
            published.saw(live)
        self.derived.layers_changed(producer_id)
        self.compositions.layers_changed(producer_id)
        for member in tuple(self.members.values()):
            member.layers_changed(producer_id)

    def receives(self, receiver: object, producer_id: int, received: Received) -> None:
        """A receiver gets this of a producer from now on; its publisher is asked for what all of them need."""
        if producer_id in self.producers:
            self._receives.setdefault(producer_id, {})[receiver] = received
            self._want(producer_id)

    def hears(self, receiver: object, producer_id: int, bitrate: int | None) -> None:
        """What the line of a receiver has for a sound at most, in bit/s; None where it carries that as it comes.

        Its publisher sends less while that is so of everyone who hears it: one bad line is no harm to the others.
        """
        published = self.producers.get(producer_id)
        if published is None:
            return
        before = published.sound_bitrate
        published.hearers[receiver] = bitrate
        self._ask_for_less(published, before)

    def hears_no_more(self, receiver: object, producer_id: int) -> None:
        """A receiver has no consumer of a sound any more."""
        published = self.producers.get(producer_id)
        if published is None:
            return
        before = published.sound_bitrate
        published.hearers.pop(receiver, None)
        self._ask_for_less(published, before)

    def _ask_for_less(self, published: PublishedProducer, before: int | None) -> None:
        if published.sound_bitrate != before:
            published.want_encodings({0}, published.sound_bitrate, {0})

    def sound_bitrate(self, producer_id: int) -> int | None:
        """What the publisher of a sound was asked for at most, in bit/s; None where it was asked for nothing."""
        published = self.producers.get(producer_id)
        return None if published is None or published.bounds_itself else published.sound_bitrate

    def encoding_for(self, producer_id: int, spatial: int) -> int:
        """Which encoding a receiver of this one is to be sent: the next larger one once it comes, where that is needed.

        Its publisher may then leave this one out at any time.
        """
        published = self.producers.get(producer_id)
        if published is None or spatial in published.needed or spatial + 1 not in published.needed:
            return spatial
        return spatial + 1

    def next_pixels(self, producer_id: int) -> int:
        """Size of the encoding of a producer that may come after those that were seen; 0 for none."""
        published = self.producers.get(producer_id)
        count = 0 if published is None else len(published.producer.encodings)
        return publishing.next_pixels(self.layers.get(producer_id, ()), count)

    def receives_no_more(self, receiver: object, producer_id: int) -> None:
        """A receiver does not want a producer any more, or for now."""
        self._receives.get(producer_id, {}).pop(receiver, None)
        self._want(producer_id)

    def heeds(self, producer_id: int) -> bool:
        """Whether the publisher of a producer can be told what to send."""
        published = self.producers.get(producer_id)
        return published is None or published.heeds

    def is_bounded(self, producer_id: int) -> bool:
        """Whether the publisher of a producer was asked to send less than it might."""
        published = self.producers.get(producer_id)
        return published is not None and self.heeds(producer_id) and published.ceiling.told is not None

    def unbounded_bitrate(self, producer_id: int) -> int:
        """What a producer took at most before its publisher was asked to send less, in bit/s; 0 where it was not."""
        return self.producers[producer_id].most_bitrate if self.is_bounded(producer_id) else 0

    def leads(self, receiver: object, producer_id: int) -> bool:
        """Whether the publisher of a producer was asked for what the line of this receiver takes: the best of them."""
        received = self._receives.get(producer_id, {})
        own = received.get(receiver)
        if own is None or own.room is None or not self.is_bounded(producer_id):
            return False
        return all(each.room is not None and own.room >= each.room for each in received.values())

    def _want(self, producer_id: int) -> None:
        published = self.producers.get(producer_id)
        if published is None or published.producer.kind != "video":
            return
        received = self._receives.get(producer_id, {}).values()
        layers = self.layers.get(producer_id, ())
        pixels = max(published.most_pixels, self.next_pixels(producer_id))
        bound = ceiling.wanted((each.room for each in received), pixels, published.most_bitrate)
        published.ceiling.update(asyncio.get_running_loop().time(), bound)
        told = published.ceiling.told
        asked = publishing.ask(received, layers, len(published.producer.encodings), told)
        published.needed = asked.needed
        published.want_encodings(asked.active, told, asked.needed)

    def _on_event(self, event: Event) -> None:
        if event["type"] == "active_speaker":
            self.active_speaker = event["producer_id"]
            self.compositions.speaker_changed()
            for member in tuple(self.members.values()):
                member.active_speaker(self.active_speaker)
        elif event["type"] == "audio_levels":
            levels = tuple(AudioLevel(each["producer_id"], each["level"], each["voice"]) for each in event["levels"])
            self.voices = sum(level.voice for level in levels)
            for member in tuple(self.members.values()):
                member.audio_levels(levels)
