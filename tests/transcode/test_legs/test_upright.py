"""A film is played as it is to be seen."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack

from bridge.transcode.test_legs.client import play
from tests.transcode.pictures import luma

MATRICES = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}
"""Of a track's header, by how far its pictures are to be turned clockwise (ISO 14496-12, section 8.3.2)."""


def film(path: Path, turned: int) -> None:
    """White above and black below as it is stored, 320×180, marked as turned."""
    pixels = np.zeros((180, 320, 3), np.uint8)
    pixels[:90] = 255
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    data = bytearray(path.read_bytes())
    a, b, c, d = (each << 16 for each in MATRICES[turned])
    struct.pack_into(">9i", data, data.index(b"tkhd") + 44, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("turned", "size", "white"),
    [(0, (320, 180), "top"), (90, (180, 320), "right"), (180, (320, 180), "bottom"), (270, (180, 320), "left")],
)
async def test_films_of_telephones_are_shown_upright(
    tmp_path: Path, turned: int, size: tuple[int, int], white: str
) -> None:
    film(tmp_path / "film.mp4", turned)
    [track] = play(tmp_path / "film.mp4")
    assert isinstance(track, MediaStreamTrack)
    frame = await track.recv()
    track.stop()
    assert isinstance(frame, av.VideoFrame)
    assert (frame.width, frame.height) == size
    shown = luma(frame)
    middle = shown[shown.shape[0] // 2], shown[:, shown.shape[1] // 2]
    bright = {"top": middle[1][4], "bottom": middle[1][-4], "left": middle[0][4], "right": middle[0][-4]}
    assert max(bright, key=lambda side: bright[side]) == white
    assert min(bright[white] - each for side, each in bright.items() if side != white) >= 0
