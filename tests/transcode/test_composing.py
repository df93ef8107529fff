"""One picture of many, inside its leg: whose pictures stand where, what becomes of streams that come and go."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.errors import BridgeError
from bridge.transcode import rtp
from bridge.transcode.compose import Arrangement, Party, arrange
from bridge.transcode.composing import FROZEN_SECONDS, PictureComposer
from bridge.transcode.messages import CodecSpec, Compose, Pictures, PictureSource, Thin
from tests.support.composed import tiles
from tests.support.media import GREEN, RED, Identity
from tests.transcode.harness import Camera, Screen

VP8 = CodecSpec("vp8", 100, 90_000)
TARGET = CodecSpec("vp8", 101, 90_000)
SSRC, THIN_SSRC = 2222, 3333
INTERVAL = 0.04


class Room:
    """A composer, cameras on its inputs, and a screen on its output."""

    def __init__(self, bitrate: int = 500_000, target: CodecSpec = TARGET, thin: Thin | None = None) -> None:
        self.sent: list[bytes] = []
        self.composer = PictureComposer(Compose(target, SSRC, bitrate, 5, 7, thin=thin), self.sent.append)
        self.screen, self.thin = Screen(target.name), Screen(target.name)
        self.cameras: dict[int, Camera] = {}
        self.sequences: dict[int, int] = {}
        self.now = 10.0

    def follow(self, *sources: PictureSource) -> None:
        self.composer.follow(Pictures(sources))

    def run(self, seconds: float) -> None:
        """Cameras send, and the composer does what is due."""
        until = self.now + seconds
        while self.now < until:
            self.now += INTERVAL
            datagrams = [each for ssrc, camera in self.cameras.items() for each in self._packets(ssrc, camera)]
            self.composer.handle(datagrams, self.now)
        packets = [rtp.parse(datagram) for datagram in self.sent if not rtp.is_rtcp(datagram)]
        self.sent[:] = [datagram for datagram in self.sent if rtp.is_rtcp(datagram)]
        self.screen.show([packet for packet in packets if packet.ssrc == SSRC])
        self.thin.show([packet for packet in packets if packet.ssrc == THIN_SSRC])

    def shows(
        self, parties: int, screen: Screen | None = None, arranged: Arrangement | None = None
    ) -> list[Identity | None]:
        """Whose colour each tile of the newest picture has."""
        picture = (screen or self.screen).pictures[-1].to_ndarray(format="rgb24")
        return tiles(np.asarray(picture, np.uint8), parties, arranged)

    def requests(self) -> set[int]:
        """SSRCs of which keyframes were asked for."""
        feedback = (each for datagram in self.sent for each in rtp.parse_rtcp(datagram))
        return {each.ssrc for each in feedback if isinstance(each, rtp.KeyframeRequest)}

    def _packets(self, ssrc: int, camera: Camera) -> list[bytes]:
        payloads = camera.payloads()
        first = self.sequences.setdefault(ssrc, 0)
        self.sequences[ssrc] = first + len(payloads)
        timestamp = round(self.now * 90_000) % (1 << 32)
        return [
            rtp.write(100, first + index, timestamp, ssrc, payload, marker=index == len(payloads) - 1)
            for index, payload in enumerate(payloads)
        ]


def source(name: str, ssrc: int | None) -> PictureSource:
    return PictureSource(name, name, ssrc, (VP8,))


def test_everyone_stands_in_their_place_and_keeps_it_when_another_leaves() -> None:
    room = Room()
    room.cameras = {1: Camera("vp8", RED), 2: Camera("vp8", GREEN)}
    room.follow(source("a", 1), source("b", 2))
    room.run(1.5)
    assert room.shows(2) == [RED, GREEN]
    del room.cameras[1]
    room.follow(source("b", 2))
    # Its decoder goes on: no keyframe is needed for who stays.
    room.sent.clear()
    room.run(1.0)
    assert room.shows(1) == [GREEN]
    assert room.requests() == set()


def test_a_camera_that_is_turned_off_gives_way_to_initials_and_comes_back() -> None:
    room = Room()
    room.cameras = {1: Camera("vp8", RED)}
    room.follow(source("a", 1))
    room.run(1.0)
    room.follow(source("a", None))
    room.run(1.0)
    assert room.shows(1) == [None]
    room.follow(source("a", 1))
    room.run(1.0)
    assert room.shows(1) == [RED]


def test_a_picture_that_stands_still_is_marked_while_the_composed_one_goes_on() -> None:
    room = Room()
    room.cameras = {1: Camera("vp8", RED)}
    room.follow(source("a", 1))
    room.run(1.0)
    before, sent = room.screen.pictures[-1].to_ndarray(format="gray").mean(), room.composer.frames_out
    room.cameras.clear()
    room.run(FROZEN_SECONDS + 1.0)
    assert room.composer.frames_out > sent
    # Dimmed, and with a sign on it.
    assert abs(room.screen.pictures[-1].to_ndarray(format="gray").mean() - before) > 8


def test_a_picture_goes_out_though_nobody_sends_anything() -> None:
    room = Room()
    room.follow()
    room.run(1.0)
    assert room.screen.pictures
    assert any(rtp.is_rtcp(datagram) for datagram in room.sent)


def test_size_follows_the_bitrate_in_the_same_stream() -> None:
    room = Room(bitrate=100_000)
    room.follow(source("a", None))
    room.run(0.5)
    assert room.screen.pictures[-1].width == 320
    room.composer.set_bitrate(800_000)
    room.run(0.5)
    assert (room.screen.pictures[-1].width, room.composer.size) == (640, (640, 360))
    room.composer.set_bitrate(40_000)
    room.run(0.5)
    assert room.screen.pictures[-1].width == 256


def test_a_thin_encoding_is_drawn_for_its_own_size_and_leaves_the_main_one_as_it_is() -> None:
    room = Room(bitrate=800_000, thin=Thin(THIN_SSRC, 100_000, 9))
    room.cameras = {1: Camera("vp8", RED), 2: Camera("vp8", GREEN)}
    room.follow(source("a", 1), source("b", 2))
    room.run(1.5)
    assert (room.shows(2), room.screen.pictures[-1].width) == ([RED, GREEN], 640)
    assert (room.shows(2, room.thin), room.thin.pictures[-1].width) == ([RED, GREEN], 320)
    assert len(room.thin.pictures) < len(room.screen.pictures)
    room.composer.set_bitrate(800_000, 0)
    shown = len(room.thin.pictures)
    room.run(0.5)
    assert len(room.thin.pictures) == shown
    # It is the same stream when it begins again.
    following = room.composer.thin_sequence
    room.composer.set_bitrate(800_000, 100_000)
    room.run(0.5)
    assert len(room.thin.pictures) > shown
    assert room.composer.thin_sequence > following


def test_layout_and_shape_change_in_the_same_stream() -> None:
    room = Room()
    room.cameras = {1: Camera("vp8", RED), 2: Camera("vp8", GREEN)}
    room.follow(source("a", 1), source("b", 2))
    room.run(0.5)
    room.composer.follow(Pictures((source("a", 1), source("b", 2)), "speaker", upright=True))
    room.run(1.0)
    picture = room.screen.pictures[-1]
    assert (picture.width, picture.height) == (360, 640)
    parties = [Party("a", 4 / 3), Party("b", 4 / 3)]
    assert room.shows(2, arranged=arrange("speaker", 360, 640, parties)) == [RED, GREEN]


def test_nothing_is_made_while_nobody_looks_and_then_a_keyframe() -> None:
    room = Room()
    room.cameras = {1: Camera("vp8", RED)}
    room.follow(source("a", 1))
    room.run(0.5)
    room.composer.set_bitrate(0)
    sent = room.composer.frames_out
    room.run(0.5)
    assert room.composer.frames_out == sent
    assert room.composer.next_step(room.now) > 0.5
    room.composer.set_bitrate(500_000)
    # A decoder that has seen nothing before begins here.
    room.screen = Screen("vp8")
    room.run(0.5)
    assert room.shows(1) == [RED]


def test_who_asks_for_a_keyframe_gets_one() -> None:
    room = Room()
    room.follow(source("a", None))
    room.run(0.5)
    room.composer.handle([rtp.write_keyframe_request(1, SSRC)], room.now)
    room.screen = Screen("vp8")
    room.run(0.5)
    assert room.screen.pictures


def test_it_comes_in_h264_for_who_needs_that() -> None:
    room = Room(target=replace_codec(TARGET, "h264"))
    room.cameras = {1: Camera("vp8", RED)}
    room.follow(source("a", 1))
    room.run(1.0)
    assert room.shows(1) == [RED]


def replace_codec(codec: CodecSpec, name: str) -> CodecSpec:
    return CodecSpec(name, codec.payload_type, codec.clock_rate)


def test_noise_from_one_leaves_the_others_as_they_are() -> None:
    room = Room()
    room.cameras = {2: Camera("vp8", GREEN)}
    room.follow(source("a", 1), source("b", 2))
    for number in range(50):
        room.composer.handle([rtp.write(100, number, number * 3600, 1, bytes([number] * 40), marker=True)], room.now)
        room.run(INTERVAL)
    assert room.shows(2)[1] is GREEN
    assert room.composer.errors > 0


def test_a_language_that_there_is_not_is_refused() -> None:
    start = Compose(TARGET, SSRC, 300_000, 5, 7, language="xx")
    with pytest.raises(BridgeError) as refused:
        PictureComposer(start, lambda _datagram: None)
    assert refused.value.code == "unknown_language"
