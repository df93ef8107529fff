"""Coded pictures and sounds to record: the reference recording with a tone, as a composed leg would send them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import av
import numpy as np

from bridge.transcode.recording import WebmWriter
from tests.transcode.pictures import talking_head
from tests.transcode.svt_av1 import go_like_others

FRAME_RATE = 15
SIZE = 352, 288
TONE = 700.0
"""Hz."""

_REALTIME = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
_ENCODERS = {
    "vp8": ("libvpx", _REALTIME),
    "vp9": ("libvpx-vp9", _REALTIME),
    "av1": ("libsvtav1", {"preset": "12", "svtav1-params": "rtc=1:pred-struct=1:rc=2:lookahead=0:scd=0:lp=1"}),
}


@dataclass(frozen=True)
class Packet:
    """A coded frame; `timestamp` in seconds."""

    kind: str
    data: bytes
    timestamp: float
    keyframe: bool


@lru_cache
def packets(seconds: float, codec: str = "vp8") -> tuple[Packet, ...]:
    """A picture with a keyframe every two seconds and Opus, in the order of their time stamps."""
    return tuple(sorted([*_video(seconds, codec), *_audio(seconds)], key=lambda packet: packet.timestamp))


def feed(writer: WebmWriter, packet: Packet) -> None:
    if packet.kind == "video":
        writer.video(packet.data, packet.timestamp, keyframe=packet.keyframe)
    else:
        writer.audio(packet.data, packet.timestamp)


def _video(seconds: float, codec: str) -> Iterator[Packet]:
    library, options = _ENCODERS[codec]
    encoder = av.CodecContext.create(library, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height = SIZE
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = Fraction(1, FRAME_RATE)
    encoder.bit_rate = 300_000
    encoder.gop_size = 2 * FRAME_RATE
    encoder.options = options
    encoder.open()
    go_like_others()
    frames = talking_head()
    for index in range(round(seconds * FRAME_RATE)):
        frame = frames[index % len(frames)].reformat(*SIZE, format="yuv420p")
        frame.pts, frame.time_base = index, encoder.time_base
        for packet in encoder.encode(frame):
            yield _picture(packet)
    for packet in encoder.encode(None):
        yield _picture(packet)


def _picture(packet: av.Packet[av.VideoStream]) -> Packet:
    return Packet("video", bytes(packet), (packet.pts or 0) / FRAME_RATE, packet.is_keyframe)


def _audio(seconds: float) -> Iterator[Packet]:
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "mono", "s16"
    at = 0
    for index in range(round(seconds * 50)):
        time = (index * 960 + np.arange(960)) / 48_000
        samples = (8000 * np.sin(2 * np.pi * TONE * time)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48_000, index * 960
        for packet in encoder.encode(frame):
            yield Packet("audio", bytes(packet), at * 0.02, True)
            at += 1
