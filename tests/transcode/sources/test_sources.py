"""The time code is read after scaling and coding, never wrongly; flash and beep are one moment."""

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.transcode.mix import BLOCK, SAMPLE_RATE
from bridge.transcode.sources import ToneAndClock, draw_time_code, read_time_code
from bridge.transcode.sources.tone_and_clock import beeps, clock, flashes
from tests.transcode.pictures import animal, luma, talking_head


@settings(deadline=None)
@given(milliseconds=st.integers(0, 2**32 - 1), width=st.integers(80, 400), height=st.integers(48, 300))
def test_what_is_drawn_is_read(milliseconds: int, width: int, height: int) -> None:
    picture = np.zeros((height, width), dtype=np.uint8)
    draw_time_code(picture, milliseconds)
    assert read_time_code(picture) == milliseconds


def test_what_is_no_code_is_read_as_none() -> None:
    assert read_time_code(np.zeros((90, 160), dtype=np.uint8)) is None
    assert read_time_code(np.full((90, 160), 255, dtype=np.uint8)) is None
    assert read_time_code(np.zeros((2, 2), dtype=np.uint8)) is None
    assert all(read_time_code(luma(frame)) is None for frame in [*talking_head(), *animal()])


@pytest.mark.parametrize("size", [(640, 360), (320, 180), (106, 60)])
def test_it_survives_scaling_and_a_low_bitrate(size: tuple[int, int]) -> None:
    source = ToneAndClock()
    encoder = av.CodecContext.create("libvpx", "w")
    decoder = av.CodecContext.create("vp8", "r")
    assert isinstance(encoder, av.VideoCodecContext)
    assert isinstance(decoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
    encoder.time_base, encoder.bit_rate = Fraction(1, 15), 150_000
    encoder.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    read = []
    for index in range(30):
        frame = source.picture(1234 + index / 15).reformat(*size, format="yuv420p")
        frame.pts, frame.time_base = index, encoder.time_base
        for packet in encoder.encode(frame):
            packet.pts = packet.dts = index
            read += [read_time_code(luma(made)) for made in decoder.decode(packet)]
    right = [round((1234 + index / 15) * 1000) for index in range(30)]
    assert len(read) == 30
    # A code that a codec has broken is none; it is never another time.
    assert all(code in (None, expected) for code, expected in zip(read, right, strict=True))
    assert sum(code is not None for code in read) >= 27


def test_a_clock_shows_hours_where_there_are_some() -> None:
    assert [clock(at) for at in (0.0, 61.2344, 59.9996, 3600.0, 86399.5)] == [
        "00:00.000",
        "01:01.234",
        "01:00.000",
        "01:00:00.000",
        "23:59:59.500",
    ]


def test_the_flash_and_the_beep_are_one_moment() -> None:
    source = ToneAndClock(320, 180)
    seen = [flashes(source.picture(index * 0.02 + 0.001)) for index in range(100)]
    heard = [beeps(source.block(index)) for index in range(100)]
    assert seen == heard
    assert [index for index in range(1, 100) if seen[index] and not seen[index - 1]] == [50]
    assert BLOCK == SAMPLE_RATE // 50
