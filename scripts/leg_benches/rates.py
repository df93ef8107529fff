"""What another bitrate in the middle of a stream costs: the second after it, encoded with and without a keyframe."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import av
import numpy as np

from bridge.transcode.ffmpeg_encoders import Vp8Encoder, Vp9Encoder
from bridge.transcode.messages import CodecSpec
from bridge.transcode.payload import DEPACKETISE, IS_KEYFRAME
from bridge.transcode.video_codecs import VideoEncoder, decoder, encoder
from scripts.leg_benches.material import RATE, SIZE, pictures
from tests.transcode.harness import FRAME_TICKS, TARGET_TYPE

HEAD = (
    "| encoder | kbit/s | keyframes | largest picture in the second after, kB | sent in it, kbit/s | PSNR, dB"
    " | in the second before, kbit/s | PSNR, dB |\n|---|---|---|---|---|---|---|---|"
)
CHANGES = ((300, 200), (200, 280), (300, 150), (150, 300))
SECONDS = 4
"""At each of the two rates."""


def _ours(name: str) -> Callable[[int], VideoEncoder]:
    return lambda bitrate: encoder(CodecSpec(name, TARGET_TYPE, 90_000), bitrate, RATE)


ENCODERS: tuple[tuple[str, str, Callable[[int], VideoEncoder]], ...] = (
    ("H.264, OpenH264", "h264", _ours("h264")),
    ("VP8, libvpx", "vp8", _ours("vp8")),
    ("VP8, libvpx by FFmpeg", "vp8", lambda bitrate: Vp8Encoder(bitrate, RATE)),
    ("VP9, libvpx", "vp9", _ours("vp9")),
    ("VP9, libvpx by FFmpeg", "vp9", lambda bitrate: Vp9Encoder(bitrate, RATE)),
    ("AV1, SVT-AV1 by FFmpeg", "av1", _ours("av1")),
)


def measure() -> Iterable[str]:
    """A line for each encoder and each change."""
    shown = pictures(2 * SECONDS)
    for title, codec, make in ENCODERS:
        for before, after in CHANGES:
            yield _line(title, codec, make(before * 1000), shown, (before, after))


def _line(title: str, codec: str, made: VideoEncoder, shown: list[av.VideoFrame], change: tuple[int, int]) -> str:
    decoded, sizes, errors, keyframes = decoder(codec), [], [], 0
    for number, frame in enumerate(shown):
        if number == SECONDS * RATE:
            made.set_rate(change[1] * 1000, RATE)
        payloads = made.encode(frame, (number + 1) * FRAME_TICKS, keyframe=number == 0)
        data = DEPACKETISE[codec](payloads) if payloads else b""
        sizes.append(sum(map(len, payloads)))
        if data:
            keyframes += number > 0 and IS_KEYFRAME[codec](data)
            picture = decoded.decode(av.Packet(data))[-1]
        planes = [each.reformat(*SIZE, format="gray").to_ndarray().astype(float) for each in (picture, frame)]
        errors.append(np.mean((planes[0] - planes[1]) ** 2))
    made.close()
    at = SECONDS * RATE
    seconds = [slice(at, at + RATE), slice(at - RATE, at)]
    (sent, quality), (sent_before, quality_before) = (
        (8 * sum(sizes[second]) / 1000, 10 * np.log10(255**2 / np.mean(errors[second]))) for second in seconds
    )
    return (
        f"| {title} | {change[0]} to {change[1]} | {keyframes} | {max(sizes[seconds[0]]) / 1000:.1f} | {sent:.0f}"
        f" | {quality:.1f} | {sent_before:.0f} | {quality_before:.1f} |"
    )
