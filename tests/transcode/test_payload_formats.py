"""Frames in packets and out of them again, and bytes that are no packets."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from bridge.transcode.payload import DEPACKETISE, IS_KEYFRAME, av1, h263, h264, vp8, vp9
from bridge.transcode.rtp import MalformedPacketError
from tests.support.media import GREEN
from tests.transcode.harness import Camera

Pack = Callable[[Camera, bytes, int], list[bytes]]

PACKERS: dict[str, Pack] = {
    "vp8": lambda _, frame, limit: vp8.packetise(frame, 40_000, limit),
    "vp9": lambda _, frame, limit: vp9.packetise(frame, 40_000, limit, keyframe=vp9.is_keyframe(frame)),
    "h264": lambda _, frame, limit: h264.packetise(frame, limit, fragments=True),
    "av1": lambda _, frame, limit: av1.packetise(frame, limit, keyframe=True),
    "h263-1998": lambda _, frame, limit: h263.packetise(frame, limit),
    "h263": lambda camera, frame, limit: h263.packetise_2190(frame, camera.blocks, limit),
}


@pytest.mark.parametrize("codec", list(PACKERS))
@pytest.mark.parametrize("limit", [300, 1150])
def test_a_frame_comes_out_as_it_went_in(codec: str, limit: int) -> None:
    camera, seen = Camera(codec, GREEN), set[bool]()
    for _ in range(12):
        frame = camera.frame()
        if not frame:
            continue
        payloads = PACKERS[codec](camera, frame, limit)
        assert max(map(len, payloads)) <= limit
        taken = DEPACKETISE[codec](payloads)
        seen.add(IS_KEYFRAME[codec](taken))
        # Byte streams of H.264 may have shorter start codes.
        same = list(h264.nal_units(frame)) == list(h264.nal_units(taken)) if codec == "h264" else frame == taken
        assert same
    assert seen == {True, False}


@pytest.mark.parametrize("codec", list(PACKERS))
def test_what_makes_no_sense_is_said_and_nothing_else_happens(codec: str) -> None:
    camera, chance = Camera(codec, GREEN), random.Random(9)
    payloads = next(
        made for _ in range(30) if (frame := camera.frame()) and (made := PACKERS[codec](camera, frame, 300))
    )
    for _ in range(3000):
        broken = [bytearray(payload) for payload in payloads]
        for payload in broken:
            for _ in range(chance.randrange(4)):
                payload[chance.randrange(min(16, len(payload)))] = chance.randrange(256)
            del payload[chance.choice((len(payload), chance.randrange(len(payload) + 1))) :]
        chance.shuffle(broken)
        try:
            IS_KEYFRAME[codec](DEPACKETISE[codec]([bytes(payload) for payload in broken]))
        except MalformedPacketError:
            continue
