"""A media plane without media, for tests of what lies above it.

An offer is lines of "MID KIND", such as "0 audio"; a line "garbage" makes it invalid. An answer repeats the offer.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from bridge.errors import BridgeError
from bridge.sfu import (
    AUTO_LAYOUT,
    ComposedLayout,
    ConnectionKind,
    ConnectionState,
    Party,
    Producer,
    PublishResult,
    RejectedMedia,
    SessionListener,
    SubscribeOffer,
    SubscribeResult,
    Subscription,
    UnsupportedSubscription,
    View,
    WatchResult,
)


class FakeMedia:
    """The media session of one participant."""

    def __init__(self, plane: FakeMediaPlane, room_id: str, session_id: str, listener: SessionListener) -> None:
        self.plane = plane
        self.room_id = room_id
        self.session_id = session_id
        self.listener = listener
        self.producers: dict[str, Producer] = {}
        self.paused: set[int] = set()
        self.wanted: list[Subscription] = []
        self.negotiated: set[int] = set()
        self.outstanding: int | None = None
        self.revision = 0
        self.ice_restarts = 0
        self.unsupported: tuple[UnsupportedSubscription, ...] = ()
        self.view, self.layout, self.hidden = View.SEPARATE, ComposedLayout(), False
        self.without: str | None = None
        self.closed = False

    def connect(self, kind: ConnectionKind, state: ConnectionState = ConnectionState.CONNECTED) -> None:
        """Plays a connection that changes its state."""
        self.listener.on_connection(kind, state)

    async def publish(self, offer: str) -> PublishResult:
        if offer == "explode":
            raise RuntimeError("a bug with a secret in it")
        lines = _lines(offer)
        rejected = tuple(
            RejectedMedia(mid, number, "unsupported_media", "No such media.")
            for number, (mid, kind) in enumerate(lines, start=1)
            if kind not in ("audio", "video")
        )
        offered = {mid: kind for mid, kind in lines if kind in ("audio", "video")}
        gone = [producer for mid, producer in self.producers.items() if mid not in offered]
        kept = tuple(producer for mid, producer in self.producers.items() if mid in offered)
        for producer in gone:
            del self.producers[producer.mid]
        new = tuple(
            Producer(
                next(self.plane.ids),
                mid,
                "audio" if kind == "audio" else "video",
                ("opus",),
                encodings=("q", "f") if kind == "video" else (None,),
            )
            for mid, kind in offered.items()
            if mid not in self.producers
        )
        self.producers.update({producer.mid: producer for producer in new})
        return PublishResult(offer, new, kept, tuple(producer.producer_id for producer in gone), rejected)

    def pause_producer(self, producer_id: int, paused: bool) -> None:
        (self.paused.add if paused else self.paused.discard)(producer_id)

    def close_producer(self, producer_id: int) -> None:
        self.producers = {mid: each for mid, each in self.producers.items() if each.producer_id != producer_id}

    def set_subscriptions(
        self, wanted: Sequence[Subscription], view: View, layout: ComposedLayout, *, hidden: bool
    ) -> None:
        self.wanted, self.view, self.layout, self.hidden = list(wanted), view, layout, hidden
        if {each.producer_id for each in wanted} != self.negotiated and self.outstanding is None:
            self.listener.on_negotiation_needed()

    def hear_always(self, producer_ids: Sequence[int]) -> None:
        self.plane.always[self.room_id] = list(producer_ids)

    async def subscribe_offer(self, *, ice_restart: bool = False) -> SubscribeOffer:
        if not self.wanted and not self.negotiated:
            raise BridgeError("nothing_to_offer", "Nothing was ever wanted.")
        self.ice_restarts += ice_restart
        self.revision += 1
        self.outstanding = self.revision
        self.negotiated = {each.producer_id for each in self.wanted}
        return SubscribeOffer(
            f"offer {self.revision}",
            self.revision,
            {str(index): each.producer_id for index, each in enumerate(self.wanted)},
        )

    async def subscribe_answer(self, answer: str, revision: int) -> SubscribeResult:
        if revision != self.outstanding:
            raise BridgeError("stale_answer", "A newer offer is on its way.")
        if answer == "garbage":
            raise BridgeError("sdp_invalid", "This is no SDP.", field="line 1")
        self.outstanding = None
        if {each.producer_id for each in self.wanted} != self.negotiated:
            self.listener.on_negotiation_needed()
        return SubscribeResult({}, self.unsupported)

    def show_parties(self, parties: Sequence[Party]) -> None:
        self.plane.parties[self.room_id] = list(parties)

    async def watch(
        self,
        offer: str,
        producers: Sequence[Subscription],
        *,
        view: View = View.SEPARATE,
        layout: ComposedLayout = AUTO_LAYOUT,
        without: str | None = None,
    ) -> WatchResult:
        _lines(offer)
        self.view, self.layout, self.without = view, layout, without
        self.wanted = list(producers)
        return WatchResult({}, answer=" ".join(f"{each.participant}:{each.track}" for each in producers))

    def trickles(self, kind: ConnectionKind, fragment: str) -> bool:
        if "garbage" in fragment:
            raise BridgeError("sdp_invalid", "This is no fragment.", field="line 1")
        return "a=ice-pwd:mine" in fragment and "a=candidate" in fragment

    async def restart_ice(self, kind: ConnectionKind, fragment: str, *, demanded: bool) -> str | None:
        if "garbage" in fragment:
            raise BridgeError("sdp_invalid", "This is no fragment.", field="line 1")
        if demanded and "a=ice-ufrag" not in fragment:
            raise BridgeError("sdp_invalid", "This restarts nothing.")
        return "a=ice-ufrag:new\r\n" if "a=ice-ufrag" in fragment else None

    async def stats(self) -> Mapping[str, Any]:
        counters = {
            "packets": 10,
            "bytes": 1000,
            "packets_lost": 1,
            "jitter": 0.002,
            "bitrate": 64000,
        }
        publish = {
            "transport_id": 1,
            "protocol": "udp",
            "packets_received": 10,
            "bytes_received": 1000,
            "packets_sent": 2,
            "bytes_sent": 200,
            "estimate": 300_000,
            "errors": [],
            "producers": [
                {
                    **counters,
                    "producer_id": producer.producer_id,
                    "retransmissions_received": 3,
                    "keyframe_requests_sent": 1,
                }
                for producer in self.producers.values()
            ],
            "consumers": [],
        }
        return {"publish": publish, "subscribe": None}

    async def close(self) -> None:
        self.closed = True


class FakeMediaPlane:
    """Keeps the sessions it opened, in order."""

    def __init__(self) -> None:
        self.ids = itertools.count(100)
        self.sessions: dict[str, FakeMedia] = {}
        self.full = False
        self.always: dict[str, list[int]] = {}
        self.parties: dict[str, list[Party]] = {}

    def open_session(self, room_id: str, session_id: str, listener: SessionListener) -> FakeMedia:
        if self.full:
            raise BridgeError("media_overloaded", "No worker has place.")
        media = FakeMedia(self, room_id, session_id, listener)
        self.sessions[session_id] = media
        return media

    @property
    def newest(self) -> FakeMedia:
        return next(reversed(self.sessions.values()))


def _lines(offer: str) -> list[tuple[str, str]]:
    lines = []
    for number, line in enumerate(offer.splitlines(), start=1):
        mid, _, kind = line.partition(" ")
        if not kind:
            raise BridgeError("sdp_invalid", "This is no SDP.", field=f"line {number}")
        lines.append((mid, kind))
    return lines
