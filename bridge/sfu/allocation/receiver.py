"""The allocation of one receiving connection: what its line carries goes in, commands to the core come out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bridge.sfu.allocation import ranks, sound
from bridge.sfu.allocation.allocator import HEADROOM, Allocator
from bridge.sfu.allocation.model import Allocation, Choice, Layer, Source, VideoState
from bridge.sfu.allocation.publishing import Received
from bridge.sfu.allocation.sharing import MIN_BITRATE
from bridge.sfu.allocation.sound import SoundRoom
from bridge.sfu.allocation.trials import Trials

if TYPE_CHECKING:
    from bridge._core import ConsumerAllocation, EstimateEvent
    from bridge.sfu.router import Router

START_BITRATE = 300_000
"""The core's estimate before any feedback, in bit/s."""
INTERVAL = 0.25
"""Seconds between two looks at a line while nothing happens: steps up come from waiting."""
LONG_INTERVAL = 2.0
"""The same where there is nothing to wait for: the line carries all that is wanted, …"""
AMPLE = 1.5
"""… so many times, …"""
AMPLE_SECONDS = 5.0
"""… and has for so long."""
MAX_SPEAKERS = 3
"""Voices that are reserved for at most: more are hardly ever heard at once."""
ALL_TEMPORAL = 7
ASSUMED_FILL = 0.8
"""What an encoder makes of its bitrate at first, while nothing was measured."""
PACKET_SOURCES = ("transport_feedback", "congestion_feedback")
"""Estimates that can take video away, and that are paced by.

The core can also make one of receiver reports and REMB, and probe for it; but a peer whose process is late with its
reports looks like a full line, and was left without pictures on a busy machine (aiortc).
"""


@dataclass
class _Video:
    consumer_id: int
    told: ConsumerAllocation | None = None
    paused: bool = False
    """Whether the receiver does not want it now."""
    max_height: int | None = None
    rank: int = 0


class ReceiverAllocation:
    """Spends the line of one transport on its consumers."""

    def __init__(self, router: Router, on_state: Callable[[int, VideoState], None]) -> None:
        """`on_state` is told what becomes of each video as that changes; whoever it is pauses and resumes."""
        self._router = router
        self._on_state = on_state
        self._allocator = Allocator()
        self._transport_id: int | None = None
        self._videos: dict[int, _Video] = {}
        self._audio: set[int] = set()
        self._sound = SoundRoom()
        self._trials = Trials()
        self._padded: set[int] = set()
        """What is sent with a stream of retransmissions, in which lines are probed, by producer."""
        self._chosen: dict[int, Layer] = {}
        """The encoding of what legs make that is for this line; of others the allocator chooses."""
        self._states: dict[int, VideoState] = {}
        self._estimate = START_BITRATE
        self._proven = False
        self._told = False
        """Whether the receiver is expected to tell of single packets: then what is sent is paced from the beginning."""
        self._limit_seen = False
        self._repeated = 0
        self._demand = (0, 0)
        self._enough: int | None = None
        """From this estimate on there is nothing to wait for; None where there is."""
        self._ample_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def states(self) -> dict[int, VideoState]:
        """What becomes of each video, by producer."""
        return dict(self._states)

    def add(
        self,
        transport_id: int,
        producer_id: int,
        consumer_id: int,
        *,
        paused: bool,
        padded: bool = True,
        told: bool = True,
        max_height: int | None = None,
        rank: int = 0,
    ) -> None:
        """A consumer was made on the transport. `max_height` and `rank` are those of `Source`.

        `padded`: whether it has a stream of retransmissions; `told`: whether its receiver is to tell of single packets.
        """
        self._transport_id = transport_id
        self._told = self._told or told
        if padded:
            self._padded.add(producer_id)
        published = self._router.producers.get(producer_id)
        if published is not None and published.producer.kind == "video":
            self._videos[producer_id] = _Video(consumer_id, None, paused, max_height, rank)
        else:
            self._audio.add(producer_id)
            self._router.hears(self, producer_id, self._sound.bitrate)
        self.run()

    def remove(self, producer_id: int) -> None:
        """A consumer has ended."""
        if producer_id in self._audio:
            self._audio.remove(producer_id)
            self._router.hears_no_more(self, producer_id)
        self._chosen.pop(producer_id, None)
        self._padded.discard(producer_id)
        if self._videos.pop(producer_id, None) is not None:
            self._states.pop(producer_id, None)
            self._router.receives_no_more(self, producer_id)
        if not self._videos:
            self._stop()

    def hand_over(self, producer_id: int, to: int) -> None:
        """The consumer of a video sends another producer from now on."""
        self._videos[to] = replace(self._videos.pop(producer_id), told=None)
        self._chosen.pop(producer_id, None)
        if producer_id in self._padded:
            self._padded.remove(producer_id)
            self._padded.add(to)
        self._states.pop(producer_id, None)
        self._router.receives_no_more(self, producer_id)
        self.run()

    def set_paused(self, producer_id: int, paused: bool) -> None:
        """The receiver wants a video, or does not want it for now."""
        video = self._videos.get(producer_id)
        if video is not None and video.paused is not paused:
            video.paused = paused
            if paused:
                self._states.pop(producer_id, None)
                self._router.receives_no_more(self, producer_id)
            self.run()

    def prefer(self, producer_id: int, *, max_height: int | None, rank: int) -> None:
        """The receiver shows a video in another size, or counts it for more or less than before."""
        video = self._videos.get(producer_id)
        if video is not None and (video.max_height, video.rank) != (max_height, rank):
            video.max_height, video.rank = max_height, rank
            self.run()

    def choose(self, producer_id: int, encoding: int, bitrate: int) -> None:
        """Of what a leg makes this encoding is for the line, in so many bit/s; may come before the consumer is made."""
        self._chosen[producer_id] = Layer(encoding, 0, round(bitrate * ASSUMED_FILL))
        if producer_id in self._videos:
            self.run()

    def on_estimate(self, event: EstimateEvent, repeated: int) -> None:
        """What the line carries, and how many frames of sound are repeated on it."""
        was_proven, self._proven = self._proven, event["proven"] and event["source"] in PACKET_SOURCES
        self._limit_seen = event["limit_seen"]
        is_enough = was_proven is self._proven and self._enough is not None and event["bitrate"] >= self._enough
        falls = event["bitrate"] < self._estimate
        if falls and event["bitrate"] < self._demand[0]:
            self._trials.failed(asyncio.get_running_loop().time())
        self._estimate, self._repeated = event["bitrate"], repeated
        if (falls and not is_enough) or self._proven is not was_proven:
            self.run()
        else:
            self._look_at_sound()

    @property
    def bitrate(self) -> int | None:
        """What the line carries in all, in bit/s; None while nothing that can be believed is known of it."""
        return self._estimate if self._proven else None

    def budget(self) -> int | None:
        """What the line carries beside sound, in bit/s; None while nothing that can be believed is known of it."""
        return round(self._estimate * HEADROOM) - self._audio_bitrate() if self._proven else None

    @property
    def limit_seen(self) -> bool:
        """Whether the line was seen to carry no more than that."""
        return self._proven and self._limit_seen

    def layers_changed(self, producer_id: int) -> None:
        """Told by the router: the layers of a producer of the room changed."""
        if producer_id in self._videos:
            self.run()

    def run(self) -> None:
        """Allocates, and tells the core what changes."""
        self._stop()
        self._look_at_sound()
        if self._transport_id is None or not self._videos:
            return
        loop = asyncio.get_running_loop()
        try:
            self._allocate(loop.time())
        finally:
            # Whatever has come of this look, there is a next one.
            self._timer = loop.call_later(INTERVAL if self._enough is None else LONG_INTERVAL, self.run)

    def close(self) -> None:
        """Ends it, with its transport."""
        self._stop()
        for producer_id in (*self._videos, *self._audio):
            self.remove(producer_id)

    def _allocate(self, now: float) -> None:
        tries = not self._padded and self._trials.is_on(now)
        sources, proven = self._sources(), self._proven and not tries
        allocation = self._allocator.allocate(
            now,
            self._estimate,
            self._audio_bitrate(),
            sources,
            proven=proven,
            limit_seen=self._limit_seen,
        )
        for producer_id, choice in allocation.choices.items():
            self._apply(producer_id, choice)
        self._tell_demand(allocation)
        is_whole = proven and allocation.is_whole and not any(source.bounded for source in sources)
        self._look_whether_ample(now, allocation.desired if is_whole else None)

    def _look_whether_ample(self, now: float, desired: int | None) -> None:
        """Takes in what is wanted, in bit/s, where it is all sent and nobody was asked for less; else None."""
        enough = None if desired is None else round(desired * AMPLE / HEADROOM)
        if enough is None or self._estimate < enough:
            self._ample_since = None
        elif self._ample_since is None:
            self._ample_since = now
        is_long = self._ample_since is not None and now - self._ample_since >= AMPLE_SECONDS
        self._enough = enough if is_long else None

    def _look_at_sound(self) -> None:
        """Publishers of sound are told when the line does not carry it as it comes, and when it does again."""
        room = round(self._estimate * HEADROOM) if self._proven else None
        voices = min(len(self._audio), MAX_SPEAKERS) * sound.on_the_wire()
        now = asyncio.get_running_loop().time()
        if self._sound.update(now, room, voices, repeated=self._repeated > 0):
            for producer_id in self._audio:
                self._router.hears(self, producer_id, self._sound.bitrate)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _audio_bitrate(self) -> int:
        voices = sorted(map(self._voice_bitrate, self._audio), reverse=True)
        return sum(voices[:MAX_SPEAKERS])

    def _voice_bitrate(self, producer_id: int) -> int:
        # Who is asked for `LESS` makes longer frames, and more than that: see the module.
        asked = self._router.sound_bitrate(producer_id)
        return sound.on_the_wire(sound.REPEATED if asked == sound.REPEATED else sound.SPEECH, self._repeated)

    def _sources(self) -> list[Source]:
        return [
            Source(
                producer_id,
                self._layers(producer_id),
                heeds=self._router.heeds(producer_id),
                bounded=self._router.is_bounded(producer_id),
                leads=self._router.leads(self, producer_id),
                unbounded_bitrate=self._router.unbounded_bitrate(producer_id),
                next_pixels=self._next_pixels(producer_id, video),
                rank=self._rank(producer_id, video),
                max_height=video.max_height,
                sharp=video.rank == ranks.SCREEN,
            )
            for producer_id, video in self._videos.items()
            if not video.paused
        ]

    def _layers(self, producer_id: int) -> tuple[Layer, ...]:
        known, chosen = self._router.layers.get(producer_id, ()), self._chosen.get(producer_id)
        if chosen is None:
            return known
        made = tuple(layer for layer in known if layer.spatial == chosen.spatial) or (chosen,)
        # What a leg makes follows this line: it fits wherever the least fits that it can be made of.
        return tuple(replace(layer, bitrate=min(layer.bitrate or MIN_BITRATE, MIN_BITRATE)) for layer in made)

    def _encoding(self, producer_id: int, layer: Layer) -> int:
        return layer.spatial if producer_id in self._chosen else self._router.encoding_for(producer_id, layer.spatial)

    def _rank(self, producer_id: int, video: _Video) -> int:
        speaking = self._router.active_speaker
        speaks = speaking is not None and self._router.owner(producer_id) == self._router.owner(speaking)
        return max(video.rank, ranks.ACTIVE) if speaks else video.rank

    def _apply(self, producer_id: int, choice: Choice) -> None:
        video = self._videos[producer_id]
        core = self._router.worker.core
        spatial = None if choice.layer is None else choice.layer.spatial
        room = choice.room if self._proven else None
        self._router.receives(self, producer_id, Received(spatial, room, complete=_fills(choice.layer, video)))
        if choice.layer is not None:
            encoding = self._encoding(producer_id, choice.layer)
            told: ConsumerAllocation = {
                "spatial": encoding,
                "temporal": self._temporal(producer_id, choice.layer, encoding),
                "priority": self._rank(producer_id, video),
                "still_interval_ms": None if choice.still_seconds is None else round(choice.still_seconds * 1000),
            }
            if told != video.told:
                video.told = told
                core.allocate_consumer(video.consumer_id, told)
        if self._states.get(producer_id) is not choice.state:
            self._states[producer_id] = choice.state
            self._on_state(producer_id, choice.state)

    def _next_pixels(self, producer_id: int, video: _Video) -> int:
        largest = max(self._router.layers.get(producer_id, ()), key=lambda layer: layer.height, default=None)
        return 0 if _fills(largest, video) else self._router.next_pixels(producer_id)

    def _temporal(self, producer_id: int, layer: Layer, encoding: int) -> int:
        """The highest temporal layer to send: no limit where it is the highest there is, or another encoding is due."""
        if encoding != layer.spatial:
            return ALL_TEMPORAL
        layers = self._router.layers.get(producer_id, ())
        highest = max((each.temporal for each in layers if each.spatial == layer.spatial), default=0)
        return ALL_TEMPORAL if layer.temporal == highest else layer.temporal

    def _tell_demand(self, allocation: Allocation) -> None:
        # Where the peer does not tell what arrives, there is nothing to pace by. Where it is to tell, first pictures
        # would fill the queue of a thin line before it has: most of them are lost then, and the sound with them.
        # A leg makes what the line carries: what it would make beyond that is not seen in its layers.
        headroom = sum(
            self._router.headroom(producer_id, self._chosen[producer_id].spatial if producer_id in self._chosen else 0)
            for producer_id, video in self._videos.items()
            if not video.paused
        )
        demand = (allocation.allocated, allocation.desired + headroom)
        if (self._proven or self._told) and demand != self._demand and self._transport_id is not None:
            self._demand = demand
            core = self._router.worker.core
            core.set_transport_demand(self._transport_id, {"allocated": demand[0], "desired": demand[1]})


def _fills(layer: Layer | None, video: _Video) -> bool:
    """Whether a picture is as large as its receiver shows it, or nearly."""
    return layer is not None and video.max_height is not None and layer.height * 4 >= video.max_height * 3
