"""The consumers of one connection: what is sent to one receiver, made and ended in the core."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.sfu.allocation.model import VideoState
from bridge.sfu.allocation.receiver import ReceiverAllocation
from bridge.sfu.redundancy import RedundancyPolicy
from bridge.sfu.router import Router
from bridge.sfu.sdp.payload_types import Mapping

if TYPE_CHECKING:
    from bridge._core import ConsumerHandover, EstimateEvent, Event, PayloadTypeMapping


@dataclass(frozen=True)
class ConsumerSpec:
    """What a consumer is to be."""

    producer_id: int
    mid: str | None
    ssrc: int
    rtx_ssrc: int | None
    cname: str
    mappings: Sequence[Mapping]
    feedback: Sequence[str]
    redundancy: int | None
    """The receiver's payload type of redundant audio."""
    paused: bool
    max_height: int | None = None
    rank: int = 0
    told: bool = True
    """Whether the receiver is to tell of single packets what arrives."""


@dataclass
class _Consumer:
    consumer_id: int
    paused: bool
    repeatable: bool
    """Whether the receiver takes redundant audio."""
    is_video: bool
    mappings: Sequence[Mapping]
    """Of the producer that it was made for."""
    suspended: bool = False
    """Whether the line is too weak for it."""


class Consumers:
    """Consumers by the producer they forward: a receiver gets a producer once."""

    def __init__(
        self,
        router: Router,
        on_consumer: Callable[[int, bool], None],
        on_video_state: Callable[[int, VideoState], None] = lambda _producer, _state: None,
    ) -> None:
        self._router = router
        self._tell_video_state = on_video_state
        self._on_consumer = on_consumer
        self.on_handover: Callable[[int, bool], None] = lambda _producer, _done: None
        """Told when a consumer that was handed over sends its new producer, or that it never will."""
        self._consumers: dict[int, _Consumer] = {}
        self._producers: dict[int, int] = {}
        self._ssrcs: set[int] = set()
        self._repeated = 0
        self._redundancy = RedundancyPolicy()
        self._allocation = ReceiverAllocation(router, self._on_video_state)

    def __contains__(self, producer_id: int) -> bool:
        return producer_id in self._consumers

    def new_ssrc(self) -> int:
        """An SSRC that was never used on this connection: a receiver remembers old ones."""
        while True:
            ssrc = secrets.randbelow(0xFFFFFFFF) + 1
            if ssrc not in self._ssrcs:
                self._ssrcs.add(ssrc)
                return ssrc

    def create(self, transport_id: int, spec: ConsumerSpec) -> None:
        """Makes one."""
        consumer_id = self._router.new_id()
        published = self._router.producers.get(spec.producer_id)
        self._consumers[spec.producer_id] = _Consumer(
            consumer_id,
            spec.paused,
            spec.redundancy is not None,
            published is not None and published.producer.kind == "video",
            spec.mappings,
        )
        self._producers[consumer_id] = spec.producer_id
        self._router.worker.route(consumer_id, self._on_event)
        rtx = any(mapping.rtx is not None for mapping in spec.mappings)
        self._router.worker.core.create_consumer(
            consumer_id,
            {
                "transport_id": transport_id,
                "producer_id": spec.producer_id,
                "ssrc": spec.ssrc,
                "rtx_ssrc": spec.rtx_ssrc if rtx else None,
                "mid": spec.mid,
                "cname": spec.cname,
                "payload_types": _payload_types(spec.mappings),
                "redundancy_payload_type": spec.redundancy,
                "rtcp_feedback": list(spec.feedback),
                "paused": spec.paused,
            },
        )
        if self._repeated > 0 and spec.redundancy is not None:
            self._router.worker.core.set_consumer_redundancy(consumer_id, self._repeated)
        self._allocation.add(
            transport_id,
            spec.producer_id,
            consumer_id,
            paused=spec.paused,
            padded=rtx,
            told=spec.told,
            max_height=spec.max_height,
            rank=spec.rank,
        )

    def mappings(self, producer_id: int) -> Sequence[Mapping]:
        """How the receiver numbers what its consumer of a producer was made for; empty if there is none."""
        consumer = self._consumers.get(producer_id)
        return () if consumer is None else consumer.mappings

    def hand_over(self, producer_id: int, to: int, mappings: Sequence[Mapping]) -> None:
        """Has the consumer of a video go over to another producer of the same codec, within its stream.

        The core does that at the next keyframe of that one, and sends the old one until then: see `on_handover`.
        """
        consumer = self._consumers[to] = self._consumers.pop(producer_id)
        self._producers[consumer.consumer_id] = to
        handover: ConsumerHandover = {"producer_id": to, "payload_types": _payload_types(mappings)}
        self._router.worker.core.hand_over_consumer(consumer.consumer_id, handover)
        self._allocation.hand_over(producer_id, to)

    @property
    def repeated(self) -> int:
        """Earlier frames that each packet of sound repeats now."""
        return self._repeated

    def counts(self) -> tuple[int, int]:
        """How many pictures and sounds are sent, those left out that are paused."""
        active = [consumer.is_video for consumer in self._consumers.values() if not consumer.paused]
        return sum(active), len(active) - sum(active)

    def on_estimate(self, event: EstimateEvent) -> None:
        """Takes in what the line to the receiver carries: sound is repeated as it loses packets."""
        now = asyncio.get_running_loop().time()
        sounds = sum(not consumer.is_video and not consumer.paused for consumer in self._consumers.values())
        frames = self._redundancy.update(
            now,
            lost=event["fraction_lost"],
            bitrate=event["bitrate"],
            # One's own voice is among the room's, and not among what one receives.
            voices=min(self._router.voices, sounds),
            beside_video=any(consumer.is_video and not consumer.paused for consumer in self._consumers.values()),
            queue=event["queue_delay"],
        )
        if frames != self._repeated:
            self._repeated = frames
            for consumer in self._consumers.values():
                if consumer.repeatable:
                    self._router.worker.core.set_consumer_redundancy(consumer.consumer_id, frames)
        self._allocation.on_estimate(event, frames)

    @property
    def bitrate(self) -> int | None:
        """What the line carries in all, in bit/s; None while nothing is known of it."""
        return self._allocation.bitrate

    def budget(self) -> int | None:
        """What the line carries beside sound, in bit/s; None while nothing is known of it."""
        return self._allocation.budget()

    @property
    def wanted_videos(self) -> list[int]:
        """Videos that the receiver wants now, by producer."""
        return [key for key, consumer in self._consumers.items() if consumer.is_video and not consumer.paused]

    @property
    def limit_seen(self) -> bool:
        """Whether the line was seen to carry no more than that."""
        return self._allocation.limit_seen

    @property
    def starved(self) -> list[int]:
        """Videos that stand still, since the line does not carry even their lowest layer, by producer."""
        too_little = (VideoState.STILLS, VideoState.PAUSED)
        return [producer_id for producer_id, state in self._allocation.states.items() if state in too_little]

    def layers_changed(self, producer_id: int) -> None:
        """The layers of a producer of the room changed."""
        self._allocation.layers_changed(producer_id)

    def pause(self, producer_id: int, paused: bool) -> None:
        """Pauses or resumes the consumer of a producer, if there is one."""
        consumer = self._consumers.get(producer_id)
        if consumer is not None and consumer.paused is not paused:
            consumer.paused = paused
            if not consumer.suspended:
                self._router.worker.core.pause_consumer(consumer.consumer_id, paused)
            self._allocation.set_paused(producer_id, paused)

    def prefer(self, producer_id: int, *, max_height: int | None, rank: int) -> None:
        """How large the receiver shows a video, and what it counts for: see `Source`."""
        self._allocation.prefer(producer_id, max_height=max_height, rank=rank)

    def choose(self, producer_id: int, encoding: int, bitrate: int) -> None:
        """Which encoding the receiver is sent of what a leg makes, and in how many bit/s it is made."""
        self._allocation.choose(producer_id, encoding, bitrate)

    def _on_video_state(self, producer_id: int, state: VideoState) -> None:
        consumer = self._consumers.get(producer_id)
        suspended = state is VideoState.PAUSED
        if consumer is not None and consumer.suspended is not suspended:
            consumer.suspended = suspended
            if not consumer.paused:
                self._router.worker.core.pause_consumer(consumer.consumer_id, suspended)
        self._tell_video_state(producer_id, state)

    def close(self, producer_id: int) -> None:
        """Ends the consumer of a producer, if there is one."""
        consumer_id = self.forget(producer_id)
        if consumer_id is not None:
            self._router.worker.core.close_consumer(consumer_id)

    def forget(self, producer_id: int) -> int | None:
        """Forgets the consumer of a producer that has ended, and with it the consumer; its id."""
        self._allocation.remove(producer_id)
        consumer = self._consumers.pop(producer_id, None)
        if consumer is None:
            return None
        del self._producers[consumer.consumer_id]
        self._router.worker.unroute(consumer.consumer_id)
        return consumer.consumer_id

    def forget_all(self) -> None:
        """Forgets all of them, since their transport ends."""
        for producer_id in tuple(self._consumers):
            self.forget(producer_id)

    def _on_event(self, event: Event) -> None:
        match event["type"]:
            case "consumer_handed_over":
                # One of before counts no more.
                if event["producer_id"] == self._producers.get(event["consumer_id"]):
                    self.on_handover(event["producer_id"], True)
                return
            case "command_failed" if event["command"] == "hand_over_consumer":
                if (key := self._producers.get(event["id"])) is not None:
                    self.on_handover(key, False)
                return
            case "consumer_live" | "consumer_stalled":
                producer_id = self._producers.get(event["consumer_id"])
                live = event["type"] == "consumer_live"
            case "command_failed":
                producer_id, live = self._producers.get(event["id"]), False
            case _:
                return
        if producer_id is not None:
            self._on_consumer(producer_id, live)


def _payload_types(mappings: Sequence[Mapping]) -> list[PayloadTypeMapping]:
    return [
        {"producer_payload_type": each.producer, "payload_type": each.receiver, "rtx_payload_type": each.rtx}
        for each in mappings
    ]
