"""Pictures of which packets are lost and never sent again: nothing is shown that the camera did not send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import av

from bridge.transcode import rtp
from bridge.transcode.messages import CodecSpec
from bridge.transcode.payload import h264
from bridge.transcode.picture_input import Decoded, PictureInput
from tests.support.media import GREEN, identity_of_picture
from tests.transcode.harness import SOURCE_TYPE, Camera, picture

RATE = 25


@dataclass
class Line:
    """A publisher's line into a decoder, by virtual time; a frame every 40 ms."""

    codec: str
    frames: int = 0
    sequence: int = 0
    asked: int = 0
    """Keyframes that the publisher was asked for."""
    shown: list[Decoded] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.input = PictureInput((CodecSpec(self.codec, SOURCE_TYPE, 90_000),), self._hear)

    def carry(self, payloads: Sequence[bytes], lost: frozenset[int] = frozenset()) -> None:
        """Sends a frame, all but the packets `lost` (their places in it)."""
        now = self.frames / RATE
        for index, payload in enumerate(payloads):
            marker = index == len(payloads) - 1
            if index not in lost:
                datagram = rtp.write(
                    SOURCE_TYPE, self.sequence, self.frames * 90_000 // RATE, 1, payload, marker=marker
                )
                self.input.take(datagram, now)
            self.sequence += 1
        self.shown += self.input.pictures(now)
        self.input.ask(now)
        self.frames += 1

    def _hear(self, datagram: bytes) -> None:
        self.asked += sum(isinstance(each, rtp.KeyframeRequest) for each in rtp.parse_rtcp(datagram))


def slices(count: int) -> list[bytes]:
    """A keyframe that is cut into so many slices, as old equipment sends it: each is a packet (mode 0)."""
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = 320, 240, "yuv420p"
    context.framerate = Fraction(RATE)
    context.thread_count = 1
    cut = f"sliced-threads=0:slices={count}"
    context.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "x264-params": cut}
    frame = b"".join(bytes(packet) for packet in context.encode(picture(GREEN, 0)))
    return h264.packetise(frame, 1200, fragments=False)


def test_a_keyframe_of_another_size_is_not_shown_without_its_parameter_sets() -> None:
    line, large, small = Line("h264"), Camera("h264", GREEN), Camera("h264", GREEN, 160, 120)
    line.carry(large.payloads())
    first, *rest = small.payloads()
    # An aggregate of both parameter sets.
    assert first[0] & 31 == 24
    line.carry([first, *rest], frozenset([0]))
    # To the next keyframe of the camera, of ten frames, and beyond it.
    for _ in range(14):
        line.carry(small.payloads())
    assert [(each.picture.width, each.picture.height) for each in line.shown[:1]] == [(320, 240)]
    assert {(each.picture.width, each.picture.height) for each in line.shown[1:]} == {(160, 120)}
    assert all(identity_of_picture(each.picture) is GREEN for each in line.shown)
    # For the first picture none had to be asked for.
    assert line.asked == 1


def test_a_keyframe_is_not_shown_without_its_first_slices() -> None:
    line, whole = Line("h264"), slices(6)
    kinds = [payload[0] & 31 for payload in whole]
    assert kinds.count(5) == 6
    line.carry(whole)
    # What comes before the slices, and three of them.
    line.carry(whole, frozenset(range(kinds.index(5) + 3)))
    for _ in range(6):
        line.carry([bytes([0x41, 0x9A])])
    assert len(line.shown) == 1
    assert line.asked >= 1
    line.carry(whole)
    assert len(line.shown) == 2
    assert identity_of_picture(line.shown[-1].picture) is GREEN
