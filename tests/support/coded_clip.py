"""A clip for the swarm of which every decoded picture says whether it is as it was sent."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path

import av
import numpy as np
from av.video.frame import PictureType

from loadtest import clips
from loadtest.swarm.media import cache_folder

WIDTH, HEIGHT = 640, 360
FRAME_RATE = 25
_FRAMES = 250
_KEYFRAME_EVERY = 125
BLOCK = 40
"""Pixels: two rows of eight blocks say a number and what follows from it."""


def check_of(number: int) -> int:
    """What the second row says of the number in the first: another one for each, of 0–255."""
    return (number * 167 + 13) % 256


def write(path: Path, bitrate: int) -> None:
    """VP8 in an IVF file, at a bitrate in bit/s."""
    context = av.CodecContext.create("libvpx", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base, context.framerate = Fraction(1, FRAME_RATE), Fraction(FRAME_RATE)
    context.bit_rate, context.gop_size = bitrate, _KEYFRAME_EVERY
    rate = {"minrate": str(bitrate), "maxrate": str(bitrate), "bufsize": str(bitrate // 2)}
    context.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "auto-alt-ref": "0", **rate}
    frames: list[bytes] = []
    for count, picture in enumerate(_pictures()):
        picture.pts, picture.pict_type = count, PictureType.NONE
        frames += [bytes(packet) for packet in context.encode(picture)]
    frames += [bytes(packet) for packet in context.encode(None)]
    head = struct.pack("<4sHH4sHHIIII", b"DKIF", 0, 32, b"VP80", WIDTH, HEIGHT, FRAME_RATE, 1, len(frames), 0)
    path.write_bytes(head + b"".join(struct.pack("<IQ", len(data), at) + data for at, data in enumerate(frames)))


def _pictures() -> Iterator[av.VideoFrame]:
    film = clips.film("talking-head", cache_folder())
    assert film is not None
    with av.open(str(film)) as source:
        shown = [picture.reformat(WIDTH, HEIGHT, "yuv420p").to_ndarray() for picture in source.decode(video=0)]
    random = np.random.default_rng(1)
    for picture in islice(cycle([*shown, *shown[-2:0:-1]]), _FRAMES):
        planes = picture.copy()
        number = int(random.integers(0, 256))
        for row, said in enumerate((number, check_of(number))):
            for bit in range(8):
                y, x = row * BLOCK, bit * BLOCK
                planes[y : y + BLOCK, x : x + BLOCK] = 16 + 219 * (said >> bit & 1)
        yield av.VideoFrame.from_ndarray(planes, format="yuv420p")
