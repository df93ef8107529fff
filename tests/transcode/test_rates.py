"""Encoders that take another bitrate in the middle of a stream, and what there is where they cannot."""

from __future__ import annotations

import ctypes
import itertools
from fractions import Fraction

import av
import pytest

from bridge.transcode import ffmpeg_libraries, libvpx
from bridge.transcode.errors import CodecUnavailableError
from bridge.transcode.messages import CodecSpec, Start
from bridge.transcode.payload import DEPACKETISE, IS_KEYFRAME
from bridge.transcode.rtp import is_rtcp, parse, write
from bridge.transcode.video import VideoTranscoder
from bridge.transcode.video_codecs import DECODERS, VideoEncoder, encoder
from tests.transcode.harness import FRAME_TICKS, SOURCE_TYPE, TARGET_TYPE, packetise
from tests.transcode.pictures import animal, talking_head

RATES = (300_000, 150_000, 60_000, 400_000)
SECOND = 25
"""Pictures."""
FOLLOWING = ["h264", "vp8", "vp9"]


def target(name: str) -> CodecSpec:
    return CodecSpec(name, TARGET_TYPE, 90_000)


def head(number: int) -> av.VideoFrame:
    """Carphone, there and back."""
    shown = talking_head()
    number %= 2 * len(shown) - 2
    return shown[min(number, 2 * len(shown) - 2 - number)]


def encoded(made: VideoEncoder, name: str, rates: tuple[int, ...] = RATES) -> list[list[bytes]]:
    """Carphone, two seconds at each of the rates: pictures, by rate."""
    out: list[list[bytes]] = []
    count = 0
    for rate in rates:
        made.set_rate(rate, SECOND)
        out.append([])
        for _ in range(2 * SECOND):
            count += 1
            payloads = made.encode(head(count), count * FRAME_TICKS, keyframe=count == 1)
            if payloads:
                out[-1].append(DEPACKETISE[name](payloads))
    made.close()
    return out


@pytest.mark.parametrize("name", FOLLOWING)
def test_another_bitrate_is_followed_without_a_keyframe_or_a_fault(name: str) -> None:
    made = encoder(target(name), RATES[0], SECOND)
    assert made.follows
    seconds = encoded(made, name)
    keyframes = [[IS_KEYFRAME[name](each) for each in second].count(True) for second in seconds]
    assert keyframes == [1, 0, 0, 0]
    sizes = [8 * sum(map(len, second[SECOND:])) for second in seconds]
    for size, rate in zip(sizes, RATES, strict=True):
        assert 0.7 * rate < size < 1.3 * rate
    # FFmpeg's own decoder, of which nothing is the encoder's, shows every one of them.
    shown = av.CodecContext.create(DECODERS[name], "r")
    assert isinstance(shown, av.VideoCodecContext)
    shown.options = {"flags": "low_delay"}
    pictures = [picture for second in seconds for data in second for picture in shown.decode(av.Packet(data))]
    pictures += shown.decode(None)
    assert len(pictures) == sum(map(len, seconds))


@pytest.mark.parametrize("rate", [300_000, 100_000])
def test_a_cut_to_another_scene_keeps_to_the_rate(rate: int) -> None:
    size = (640, 360) if rate > 200_000 else (320, 180)
    face, meadow = (scene[0].reformat(*size, format="yuv420p") for scene in (talking_head(), animal()))
    made = encoder(target("vp8"), rate, SECOND)
    sizes = []
    for number in range(6 * SECOND):
        # Two seconds of each.
        shown = meadow if number // (2 * SECOND) == 1 else face
        sizes.append(8 * sum(map(len, made.encode(shown, (number + 1) * FRAME_TICKS, keyframe=number == 0))))
    made.close()
    after_cuts = [sizes[at : at + SECOND] for at in (2 * SECOND, 4 * SECOND)]
    assert max(map(sum, after_cuts)) < 1.3 * rate
    assert max(map(max, after_cuts)) < rate / 4
    assert all(second.count(0) <= 2 for second in after_cuts), "a cut costs a picture or two, and no freeze"


@pytest.mark.parametrize("name", ["vp8", "vp9"])
def test_without_libvpx_it_is_ffmpegs_with_a_keyframe_for_each_bitrate(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise CodecUnavailableError(name, "the test says so")

    monkeypatch.setattr(libvpx, "library", missing)
    made = encoder(target(name), RATES[0], SECOND)
    assert not made.follows
    seconds = encoded(made, name)
    assert [[IS_KEYFRAME[name](each) for each in second].count(True) for second in seconds] == [1, 1, 1, 1]


@pytest.mark.parametrize("name", ["vp8", "vp9"])
def test_libvpx_makes_what_it_makes_by_ffmpeg(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    direct = encoded(encoder(target(name), RATES[0], SECOND), name, RATES[:1])

    def missing() -> None:
        raise CodecUnavailableError(name, "the test says so")

    monkeypatch.setattr(libvpx, "library", missing)
    assert encoded(encoder(target(name), RATES[0], SECOND), name, RATES[:1]) == direct


class _Other:
    """A libvpx that is another one in just one thing."""

    def __init__(self, **functions: object) -> None:
        self._functions = functions
        self._real = ffmpeg_libraries.ffmpeg_libraries()

    def __getattr__(self, name: str) -> object:
        found = self._functions.get(name, getattr(self._real, name))
        if found is None:
            raise AttributeError(name)
        return found


class _Default:
    """Gives defaults that stand four bytes further on, as where a field has come between."""

    def __call__(self, interface: int, configuration: object, usage: int) -> int:
        real = ffmpeg_libraries.ffmpeg_libraries().vpx_codec_enc_config_default
        result: int = real(interface, configuration, usage)
        place = ctypes.addressof(configuration._obj)  # type: ignore[attr-defined]
        ctypes.memmove(place + 24, place + 20, 400)
        return result


class _Mismatch:
    def __call__(self, *_: object) -> int:
        return 3


@pytest.mark.parametrize(
    ("functions", "why"),
    [
        ({"vpx_codec_vp9_cx": None}, "cannot be called"),
        ({"vpx_codec_enc_config_default": _Default()}, "other structures"),
        ({"vpx_codec_enc_init_ver": _Mismatch()}, "another interface"),
    ],
)
def test_a_libvpx_that_is_not_known_is_refused(
    functions: dict[str, object], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libvpx, "ffmpeg_libraries", lambda: _Other(**functions))
    with pytest.raises(CodecUnavailableError, match=why):
        libvpx.library.__wrapped__()


def camera(count: int) -> list[bytes]:
    """Frames of VP8."""
    context = av.CodecContext.create("libvpx", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt, context.bit_rate = 352, 288, "yuv420p", 600_000
    context.framerate, context.gop_size = Fraction(SECOND), 3000
    context.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    frames = []
    for number in range(count):
        picture = head(number)
        picture.pts, picture.time_base = number, Fraction(1, SECOND)
        frames.append(b"".join(bytes(packet) for packet in context.encode(picture)))
    return frames


@pytest.mark.parametrize("name", FOLLOWING)
def test_a_leg_sends_less_at_once_when_the_line_carries_less(name: str) -> None:
    out: list[bytes] = []
    source = CodecSpec("vp8", SOURCE_TYPE, 90_000)
    start = Start("video", (source,), target(name), 2222, 280_000, 5, 7)
    transcoder, sequence = VideoTranscoder(start, out.append), 0
    marks = []
    for number, frame in enumerate(camera(5 * SECOND)):
        if number % SECOND == 0:
            marks.append(len(out))
        if number == 2 * SECOND:
            # By less than makes another line of it, which takes a second to be believed.
            transcoder.set_bitrate(190_000)
        payloads = packetise("vp8", frame)
        for index, payload in enumerate(payloads):
            last = index == len(payloads) - 1
            datagram = write(SOURCE_TYPE, sequence, number * FRAME_TICKS, 9, payload, marker=last)
            transcoder.handle([datagram], number / SECOND)
            sequence += 1
    transcoder.close()
    seconds = [out[at:until] for at, until in itertools.pairwise([*marks, len(out)])]
    packets = [[parse(each) for each in second if not is_rtcp(each)] for second in seconds]
    before, after = (8 * sum(len(each.payload) for each in packets[at]) for at in (1, 2))
    # Until the lower rate is believed, all would stay as it was.
    assert after < 0.88 * before
    frames: dict[int, list[bytes]] = {}
    for each in itertools.chain(*packets):
        frames.setdefault(each.timestamp, []).append(each.payload)
    # The picture is smaller than what either bitrate is worth.
    assert [IS_KEYFRAME[name](DEPACKETISE[name](payloads)) for payloads in frames.values()].count(True) == 1
