"""Decoders and encoders of pictures, set for a live call: no look-ahead, no B-frames, one thread."""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from bridge.transcode.errors import CodecUnavailableError
from bridge.transcode.openh264 import OpenH264Encoder
from bridge.transcode.openh264 import library as openh264_library
from bridge.transcode.payload import MAX_PAYLOAD, h264, vp8

VIDEO_CLOCK = 90_000
MAX_PIXELS = 1920 * 1088
"""Pictures larger than this are not decoded: nobody sends them in a consultation, and they cost memory."""

DECODERS = {"vp8": "vp8", "vp9": "vp9", "h264": "h264", "av1": "libdav1d"}
"""FFmpeg's decoder by codec."""
ENCODED = ("vp8", "h264")
"""What legs encode, by preference: every WebRTC endpoint has one of them (RFC 7742)."""

_TIME_BASE = Fraction(1, VIDEO_CLOCK)
_SAME_BITRATE = 0.04
"""A change by less than this does not make an encoder anew that can only be told by that; see `SteadyRate`."""


def decoder(codec: str) -> VideoCodecContext:
    """FFmpeg's decoder of a codec, that returns each picture at once. Raises `CodecUnavailableError`."""
    name = DECODERS.get(codec)
    if name is None:
        raise CodecUnavailableError(codec, "there is no decoder for it")
    try:
        context: VideoCodecContext = av.CodecContext.create(name, "r")  # type: ignore[assignment]
    except av.error.FFmpegError as error:
        raise CodecUnavailableError(codec, "FFmpeg was built without its decoder") from error
    context.thread_count = 1
    options = {"max_pixels": str(MAX_PIXELS), "flags": "low_delay"}
    if name == "libdav1d":
        options["max_frame_delay"] = "1"
    context.options = options
    return context


class VideoEncoder(Protocol):
    """An encoder of one codec towards RTP. Pictures are yuv420p and may change their size from one to the next."""

    def encode(self, frame: av.VideoFrame, timestamp: int, *, keyframe: bool) -> list[bytes]:
        """The RTP payloads of a picture, none where rate control left it out; `timestamp` at 90 kHz."""

    def set_rate(self, bitrate: int, frame_rate: float) -> None:
        """Bits and pictures per second, from the next picture on."""

    def close(self) -> None:
        """Frees it."""


class Vp8Encoder:
    """libvpx by FFmpeg, constant bitrate.

    FFmpeg hands no new bitrate to libvpx, so that a change makes the encoder anew, which costs a keyframe: the caller
    changes it in steps that are worth that (`SteadyRate`).
    """

    def __init__(self, bitrate: int, frame_rate: float, *, picture_id: int = 0) -> None:
        self._bitrate, self._frame_rate = bitrate, frame_rate
        self._context: VideoCodecContext | None = None
        self._picture_id = picture_id

    def encode(self, frame: av.VideoFrame, timestamp: int, *, keyframe: bool) -> list[bytes]:  # noqa: D102
        context = self._context
        if context is None or (context.width, context.height) != (frame.width, frame.height):
            context = self._context = self._open(frame.width, frame.height)
        frame.pts, frame.time_base = timestamp, _TIME_BASE
        frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        data = b"".join(bytes(packet) for packet in context.encode(frame))
        if not data:
            return []
        self._picture_id += 1
        return vp8.packetise(data, self._picture_id, MAX_PAYLOAD)

    def set_rate(self, bitrate: int, frame_rate: float) -> None:  # noqa: D102
        if abs(bitrate - self._bitrate) > _SAME_BITRATE * self._bitrate:
            self._bitrate = bitrate
            self._context = None
        self._frame_rate = frame_rate

    def close(self) -> None:  # noqa: D102
        self._context = None

    def _open(self, width: int, height: int) -> VideoCodecContext:
        context = av.CodecContext.create("libvpx", "w")
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base = _TIME_BASE
        context.framerate = Fraction(self._frame_rate).limit_denominator(1000)
        context.bit_rate = self._bitrate
        context.gop_size = 3000
        context.qmin, context.qmax = 4, 56
        context.thread_count = 1
        context.options = {
            "deadline": "realtime",
            "cpu-used": "-6",
            "lag-in-frames": "0",
            "auto-alt-ref": "0",
            "minrate": str(self._bitrate),
            "maxrate": str(self._bitrate),
            "bufsize": str(self._bitrate),
            "undershoot-pct": "100",
            "overshoot-pct": "15",
            "static-thresh": "1",
            "noise-sensitivity": "0",
            "error-resilient": "default",
        }
        return context


class H264Encoder:
    """OpenH264, Constrained Baseline."""

    def __init__(self, bitrate: int, frame_rate: float, *, fragments: bool) -> None:
        """`fragments` is packetization-mode 1; without it (mode 0) pictures are made of slices that fit a packet."""
        openh264_library()
        self._bitrate, self._frame_rate, self._fragments = bitrate, frame_rate, fragments
        self._encoder: OpenH264Encoder | None = None
        self._size = (0, 0)

    def encode(self, frame: av.VideoFrame, timestamp: int, *, keyframe: bool) -> list[bytes]:  # noqa: D102
        if self._encoder is None or self._size != (frame.width, frame.height):
            self.close()
            self._size = (frame.width, frame.height)
            limit = None if self._fragments else MAX_PAYLOAD
            self._encoder = OpenH264Encoder(*self._size, self._bitrate, self._frame_rate, max_nal_bytes=limit)
        data = self._encoder.encode(frame, timestamp * 1000 // VIDEO_CLOCK, keyframe=keyframe)
        return h264.packetise(data, MAX_PAYLOAD, fragments=self._fragments) if data else []

    def set_rate(self, bitrate: int, frame_rate: float) -> None:  # noqa: D102
        if self._encoder is not None and bitrate != self._bitrate:
            self._encoder.set_bitrate(bitrate)
        if self._encoder is not None and frame_rate != self._frame_rate:
            self._encoder.set_frame_rate(frame_rate)
        self._bitrate, self._frame_rate = bitrate, frame_rate

    def close(self) -> None:  # noqa: D102
        if self._encoder is not None:
            self._encoder.close()
            self._encoder = None


def encoder(
    codec: str, bitrate: int, frame_rate: float, *, packetization_mode: int = 1, picture_id: int = 0
) -> VideoEncoder:
    """An encoder of one of `ENCODED`. Raises `CodecUnavailableError`.

    `packetization_mode` is of H.264, `picture_id` the first one of VP8 (15 bits).
    """
    match codec:
        case "vp8":
            return Vp8Encoder(bitrate, frame_rate, picture_id=picture_id)
        case "h264":
            return H264Encoder(bitrate, frame_rate, fragments=packetization_mode == 1)
        case _:
            raise CodecUnavailableError(codec, "there is no encoder for it")
