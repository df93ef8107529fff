"""What an estimate of a receiver's line changes: what it is sent, and what publishers are asked for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bridge.sfu.allocation import allocator, ceiling, receiver, sound
from bridge.sfu.allocation.model import Allocation
from tests.sfu.conftest import Bridge
from tests.sfu.support import fixture
from tests.sfu.test_subscribe import negotiate, published, subscribed
from tests.support.bridge import eventually


def receiving(bridge: Bridge) -> int:
    """The transport that the first consumer was made on."""
    transport: int = bridge.core.called("create_consumer")[0][1]["transport_id"]
    return transport


def comes(bridge: Bridge, producer_id: int, bitrate: int, width: int = 640, height: int = 360) -> None:
    """The core sees pictures of one layer."""
    layer = {"spatial": 0, "temporal": 0, "bitrate": bitrate, "width": width, "height": height, "frame_rate": 25.0}
    bridge.core.emit(type="producer_layers", producer_id=producer_id, layers=[layer])


async def test_sound_is_repeated_towards_a_receiver_that_loses_packets(bridge: Bridge) -> None:
    producers = await published(bridge)
    session, _ = await subscribed(bridge, producers)
    await negotiate(session, codecs=("opus", "red", "VP8", "rtx"))
    (audio_id, audio), (_, video) = bridge.core.called("create_consumer")
    assert audio["redundancy_payload_type"] == 63
    assert video["redundancy_payload_type"] is None

    async def report(lost: float) -> None:
        bridge.estimate(audio["transport_id"], 300_000, lost=lost)
        await asyncio.sleep(0)
        await asyncio.sleep(0.01)

    await report(0.005)
    assert bridge.core.called("set_consumer_redundancy") == []
    await report(0.2)
    assert bridge.core.called("set_consumer_redundancy") == [(audio_id, 2)]
    # Two who speak in a room of two: only one of them is heard here, and repeating that one is affordable still.
    bridge.core.emit(
        type="audio_levels",
        router_id=bridge.core.called("create_webrtc_transport")[0][1]["router_id"],
        levels=[{"producer_id": each, "level": 20, "voice": True} for each in (1, 2, 3, 4, 5, 6)],
    )
    await report(0.2)
    assert bridge.core.called("set_consumer_redundancy") == [(audio_id, 2)]


async def test_who_speaks_is_asked_for_less_while_a_line_does_not_carry_the_sound(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound, "SHORT_SECONDS", 0.0)
    opened, anna = bridge.open("anna")
    producers = (await opened.publish(fixture("chrome_publish"))).producers
    session, _ = await subscribed(bridge, producers)
    await negotiate(session)
    voice = producers[0].producer_id
    bridge.estimate(receiving(bridge), 30_000, lost=0.1, queue=0.3)
    await anna.wait_for("encodings", voice, True, sound.LESS)
    # Somebody with a better line hears it now, too.
    other, _ = await subscribed(bridge, producers, "cecilie")
    await negotiate(other)
    await anna.wait_for("encodings", voice, True, None)
    await other.close()
    await anna.wait_for("encodings", voice, True, sound.LESS)
    await session.close()
    await anna.wait_for("encodings", voice, True, None)


@pytest.mark.parametrize(("codecs", "stands"), [(("opus", "VP8", "rtx"), True), (("opus", "VP8"), False)])
async def test_a_line_that_cannot_be_probed_is_tried_with_the_picture_itself(
    bridge: Bridge, codecs: tuple[str, ...], stands: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allocator, "WEAK_FOR", 0.0)
    monkeypatch.setattr(receiver, "INTERVAL", 0.001)
    producers = await published(bridge)
    session, _ = await subscribed(bridge, producers)
    comes(bridge, producers[1].producer_id, 500_000)
    await negotiate(session, codecs=codecs)
    transport = receiving(bridge)

    def stands_still() -> bool:
        told = bridge.core.called("allocate_consumer")
        return bool(told) and told[-1][1]["still_interval_ms"] is not None

    bridge.estimate(transport, 300_000)
    if stands:
        await eventually(stands_still)
    else:
        await asyncio.sleep(0.05)
        assert not stands_still()
    bridge.estimate(transport, 200_000)
    # More than the line carries, as it turned out.
    await eventually(stands_still)


@pytest.mark.parametrize(("remb", "bounded"), [(True, True), (False, False)])
async def test_a_publisher_that_nobody_can_tell_anything_is_not_taken_to_follow(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch, remb: bool, bounded: bool
) -> None:
    opened, anna = bridge.open("anna")
    anna.hears_encodings = False
    offer = fixture("chrome_publish")
    lines = [line for line in offer.splitlines(keepends=True) if remb or "goog-remb" not in line]
    producers = (await opened.publish("".join(lines))).producers
    session, _ = await subscribed(bridge, producers)
    await negotiate(session)
    video = producers[1].producer_id
    layer = {"spatial": 0, "temporal": 0, "bitrate": 900_000, "width": 640, "height": 360, "frame_rate": 25.0}
    bridge.core.emit(type="producer_layers", producer_id=video, layers=[layer])
    bridge.estimate(receiving(bridge), 300_000, limit_seen=True)
    (published,) = [each for each in bridge.published("room") if each.producer.kind == "video"]
    await eventually(lambda: published.ceiling.told is not None)
    router = next(iter(bridge.sfu._routers.values()))
    assert router.is_bounded(video) is bounded


@pytest.mark.parametrize(("extensions", "told"), [(("sdes:mid", "transport-wide-cc"), True), (("sdes:mid",), False)])
async def test_who_is_to_tell_what_arrives_is_paced_before_it_has(
    bridge: Bridge, extensions: tuple[str, ...], told: bool
) -> None:
    session, _ = await subscribed(bridge, await published(bridge))
    await negotiate(session, extensions=extensions)
    # Pacing begins with the first demand.
    assert bool(bridge.core.called("set_transport_demand")) is told


async def test_a_publisher_that_makes_smaller_pictures_of_what_it_was_told_is_not_let_go_for_that(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allocator, "WEAK_FOR", 0.0)
    monkeypatch.setattr(allocator, "MIN_HOLD", 0.0)
    monkeypatch.setattr(ceiling, "RISE_SECONDS", 0.0)
    monkeypatch.setattr(receiver, "INTERVAL", 0.001)
    opened, anna = bridge.open("anna")
    anna.hears_encodings = False
    producers = (await opened.publish(fixture("chrome_publish"))).producers
    session, _ = await subscribed(bridge, producers)
    await negotiate(session)
    (published,) = [each for each in bridge.published("room") if each.producer.kind == "video"]

    camera = published.producer.producer_id
    comes(bridge, camera, 1_700_000)
    await eventually(lambda: published.most_bitrate == 1_700_000)
    bridge.estimate(receiving(bridge), 400_000)
    await eventually(lambda: bridge.core.called("allocate_consumer")[-1][1]["still_interval_ms"] is not None)
    comes(bridge, camera, 150_000, 320, 180)
    # Of so small a picture the line carries more than enough, and so it moves.
    await eventually(lambda: bridge.core.called("allocate_consumer")[-1][1]["still_interval_ms"] is None)
    assert published.ceiling.told is not None
    updates = [update for _, update in bridge.core.called("update_transport")]
    told = [update["max_incoming_bitrate"] for update in updates if "max_incoming_bitrate" in update]
    assert told
    assert 0 not in told


async def test_a_line_that_carries_everything_is_left_alone_until_it_does_not(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "INTERVAL", 0.001)
    monkeypatch.setattr(receiver, "LONG_INTERVAL", 3600.0)
    monkeypatch.setattr(receiver, "AMPLE_SECONDS", 0.0)
    monkeypatch.setattr(allocator, "MIN_HOLD", 0.0)
    looks = 0
    allocate = allocator.Allocator.allocate

    def counted(*args: Any, **kwargs: Any) -> Allocation:
        nonlocal looks
        looks += 1
        return allocate(*args, **kwargs)

    monkeypatch.setattr(allocator.Allocator, "allocate", counted)
    producers = await published(bridge)
    session, _ = await subscribed(bridge, producers)
    comes(bridge, producers[1].producer_id, 500_000)
    await negotiate(session)

    async def looks_meanwhile() -> int:
        before = looks
        await asyncio.sleep(0.05)
        return looks - before

    assert await looks_meanwhile() > 0, "nothing is known of the line"
    bridge.estimate(receiving(bridge), 5_000_000)
    while await looks_meanwhile() > 0:
        pass
    bridge.estimate(receiving(bridge), 4_000_000)
    assert await looks_meanwhile() == 0, "still more than enough"
    bridge.estimate(receiving(bridge), 800_000)
    assert await looks_meanwhile() > 1, "the picture may have to be made smaller soon"
