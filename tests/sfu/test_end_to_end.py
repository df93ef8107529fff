"""Real media through the real core: aiortc publishes and receives over loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack, VideoStreamTrack
from av import VideoFrame

from bridge._core import replay_estimator
from bridge.sfu import (
    ConnectionKind,
    ConnectionState,
    MediaSession,
    MediaSettings,
    PublishResult,
    Sfu,
    Subscription,
)
from tests.sfu.support import Recorder
from tests.support.patience import PATIENCE

"""Keeps a broken test from hanging; no test depends on how long anything takes."""

CONNECTED = ("connection", ConnectionKind.PUBLISH, ConnectionState.CONNECTED)
RECEIVING = ("connection", ConnectionKind.SUBSCRIBE, ConnectionState.CONNECTED)


class GreyTrack(VideoStreamTrack):
    """A picture of one grey, to be told from others after coding."""

    def __init__(self, grey: int) -> None:
        super().__init__()
        self._picture = numpy.full((120, 160, 3), grey, dtype=numpy.uint8)

    async def recv(self) -> VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = VideoFrame.from_ndarray(self._picture, format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


def peer_connection() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


@pytest.fixture
async def sfu() -> AsyncIterator[Sfu]:
    sfu = Sfu(MediaSettings(listen=("127.0.0.1:0",)))
    await sfu.start()
    yield sfu
    await sfu.close()


@pytest.fixture
async def connections() -> AsyncIterator[list[RTCPeerConnection]]:
    opened: list[RTCPeerConnection] = []
    yield opened
    await asyncio.gather(*(connection.close() for connection in opened))


class Client:
    """A participant: a session in the bridge, and the aiortc connections that use it."""

    def __init__(self, sfu: Sfu, name: str, connections: list[RTCPeerConnection]) -> None:
        self.name = name
        self.recorder = Recorder()
        self.session: MediaSession = sfu.open_session("room", name, self.recorder)
        self.tracks: asyncio.Queue[MediaStreamTrack] = asyncio.Queue()
        self.publisher = peer_connection()
        self.receiver = peer_connection()
        self.receiver.on("track", self.tracks.put_nowait)
        connections += [self.publisher, self.receiver]

    async def publish(self, grey: int) -> PublishResult:
        self.publisher.addTrack(AudioStreamTrack())
        self.publisher.addTrack(GreyTrack(grey))
        return await self.republish()

    async def republish(self) -> PublishResult:
        await self.publisher.setLocalDescription(await self.publisher.createOffer())
        result = await self.session.publish(self.publisher.localDescription.sdp)
        await self.publisher.setRemoteDescription(RTCSessionDescription(result.answer, "answer"))
        return result

    async def watch(self, producers: list[Subscription], *kinds: str) -> None:
        for kind in kinds:
            self.receiver.addTransceiver(kind, direction="recvonly")
        await self.receiver.setLocalDescription(await self.receiver.createOffer())
        result = await self.session.watch(self.receiver.localDescription.sdp, producers)
        await self.receiver.setRemoteDescription(RTCSessionDescription(result.answer, "answer"))

    async def subscribe(self, wanted: list[Subscription]) -> None:
        self.session.set_subscriptions(wanted)
        await self.recorder.wait_for("negotiation")
        await self.negotiate()

    async def negotiate(self) -> None:
        offer = await self.session.subscribe_offer()
        await self.receiver.setRemoteDescription(RTCSessionDescription(offer.sdp, "offer"))
        await self.receiver.setLocalDescription(await self.receiver.createAnswer())
        result = await self.session.subscribe_answer(self.receiver.localDescription.sdp, offer.revision)
        assert result.unsupported == ()

    async def see(self, kind: str = "video") -> int:
        """The grey of a frame of the next track of this kind."""
        async with asyncio.timeout(PATIENCE):
            track = await self.tracks.get()
            while track.kind != kind:
                track = await self.tracks.get()
            return await grey_of(track)


async def grey_of(track: MediaStreamTrack) -> int:
    async with asyncio.timeout(PATIENCE):
        frame = await track.recv()
    assert isinstance(frame, VideoFrame)
    return round(float(frame.to_ndarray(format="gray").mean()))


def subscriptions(result: PublishResult, participant: str) -> list[Subscription]:
    return [Subscription(each.producer_id, participant, f"{participant}-{each.kind}") for each in result.producers]


async def test_a_whip_publisher_is_seen_by_a_whep_viewer(sfu: Sfu, connections: list[RTCPeerConnection]) -> None:
    anna, bo = Client(sfu, "anna", connections), Client(sfu, "bo", connections)
    published = await anna.publish(200)
    await anna.recorder.wait_for(*CONNECTED)
    await bo.watch(subscriptions(published, "anna"), "audio", "video")
    await bo.recorder.wait_for(*RECEIVING)
    assert await bo.see() == pytest.approx(200, abs=12)
    await anna.recorder.wait_for_all(*(("producer", each.producer_id, True) for each in published.producers))


async def test_two_participants_see_each_other_over_offers_of_the_bridge(
    sfu: Sfu, connections: list[RTCPeerConnection]
) -> None:
    anna, bo = Client(sfu, "anna", connections), Client(sfu, "bo", connections)
    of_anna, of_bo = await anna.publish(60), await bo.publish(200)
    await anna.subscribe(subscriptions(of_bo, "bo"))
    await bo.subscribe(subscriptions(of_anna, "anna"))
    assert await anna.see() == pytest.approx(200, abs=12)
    assert await bo.see() == pytest.approx(60, abs=12)


async def test_a_newcomer_is_added_to_a_running_connection_without_ending_what_flows(
    sfu: Sfu, connections: list[RTCPeerConnection]
) -> None:
    anna, bo, cleo = (Client(sfu, name, connections) for name in ("anna", "bo", "cleo"))
    of_anna = await anna.publish(60)
    await cleo.subscribe(subscriptions(of_anna, "anna"))
    first = [await cleo.tracks.get(), await cleo.tracks.get()]
    assert await grey_of(next(track for track in first if track.kind == "video")) == pytest.approx(60, abs=12)
    of_bo = await bo.publish(200)
    cleo.recorder.forget()
    await cleo.subscribe(subscriptions(of_anna, "anna") + subscriptions(of_bo, "bo"))
    assert await cleo.see() == pytest.approx(200, abs=12)
    assert await grey_of(next(track for track in first if track.kind == "video")) == pytest.approx(60, abs=12)


async def test_statistics_of_both_connections(sfu: Sfu, connections: list[RTCPeerConnection]) -> None:
    anna, bo = Client(sfu, "anna", connections), Client(sfu, "bo", connections)
    published = await anna.publish(100)
    await bo.subscribe(subscriptions(published, "anna"))
    await bo.see()
    sent = (await anna.session.stats())["publish"]
    received = (await bo.session.stats())["subscribe"]
    assert sent is not None
    assert received is not None
    assert {each["producer_id"] for each in sent["producers"]} == {each.producer_id for each in published.producers}
    assert sum(each["packets"] for each in received["consumers"]) > 0
    assert (await anna.session.stats())["subscribe"] is None
    records = await bo.session.flight_records()
    assert records["subscribe"].startswith(b"BRFLIGHT")
    replay_estimator(records["subscribe"], {})


async def test_a_closed_publisher_leaves_the_others_connected(sfu: Sfu, connections: list[RTCPeerConnection]) -> None:
    anna, bo = Client(sfu, "anna", connections), Client(sfu, "bo", connections)
    published = await anna.publish(100)
    await bo.subscribe(subscriptions(published, "anna"))
    await bo.see()
    bo.recorder.forget()
    await anna.session.close()
    await bo.recorder.wait_for("negotiation")
    offer = await bo.session.subscribe_offer()
    assert offer.producers == {}
    assert offer.sdp.count("a=inactive") == 2


async def test_a_client_that_says_goodbye_is_noticed_at_once(sfu: Sfu, connections: list[RTCPeerConnection]) -> None:
    anna = Client(sfu, "anna", connections)
    published = await anna.publish(100)
    # Media shows that the client, too, has finished its handshake.
    await anna.recorder.wait_for("producer", published.new[0].producer_id, True)
    await anna.publisher.close()
    await anna.recorder.wait_for("connection", ConnectionKind.PUBLISH, ConnectionState.CLOSED)
