"""Decoders and encoders of pictures, set for a live call: no look-ahead, no B-frames, one thread."""

from __future__ import annotations

from typing import Protocol

import av
from av.video.codeccontext import VideoCodecContext

from bridge.transcode import h263
from bridge.transcode.errors import CodecUnavailableError
from bridge.transcode.ffmpeg_encoders import Av1Encoder
from bridge.transcode.messages import CodecSpec
from bridge.transcode.openh264 import OpenH264Encoder
from bridge.transcode.openh264 import library as openh264_library
from bridge.transcode.payload import MAX_PAYLOAD, VIDEO_CLOCK, h264
from bridge.transcode.sized_encoder import SizedEncoder
from bridge.transcode.vpx_encoders import vpx_encoder

MAX_PIXELS = 4096 * 2304
"""Pictures larger than this are not decoded: shared screens have up to 3840×2400, and what is larger costs memory."""

DECODERS = {"vp8": "vp8", "vp9": "vp9", "h264": "h264", "av1": "libdav1d", "h263-1998": "h263", "h263": "h263"}
"""FFmpeg's decoder by codec."""


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
    options = {"max_pixels": str(h263.MAX_PIXELS if codec in h263.NAMES else MAX_PIXELS), "flags": "low_delay"}
    if name == "libdav1d":
        options["max_frame_delay"] = "1"
    context.options = options
    return context


class VideoEncoder(Protocol):
    """An encoder of one codec towards RTP. Pictures are yuv420p and may change their size from one to the next."""

    follows: bool
    """Whether it takes another bitrate without a keyframe."""

    def encode(self, frame: av.VideoFrame, timestamp: int, *, keyframe: bool) -> list[bytes]:
        """The RTP payloads of a picture, none where rate control left it out; `timestamp` at 90 kHz."""

    def set_rate(self, bitrate: int, frame_rate: float) -> None:
        """Bits and pictures per second, from the next picture on."""

    def close(self) -> None:
        """Frees it."""


class H264Encoder(SizedEncoder[OpenH264Encoder]):
    """OpenH264."""

    def __init__(self, bitrate: int, frame_rate: float, *, fragments: bool, high: bool = False) -> None:
        """`fragments` is packetization-mode 1; without it (mode 0) pictures are made of slices that fit a packet.

        `high`: High profile, else Constrained Baseline.
        """
        openh264_library()
        super().__init__(bitrate, frame_rate)
        self._fragments, self._high = fragments, high

    def encode(self, frame: av.VideoFrame, timestamp: int, *, keyframe: bool) -> list[bytes]:  # noqa: D102
        data = self._encoder_of(frame).encode(frame, timestamp * 1000 // VIDEO_CLOCK, keyframe=keyframe)
        return h264.packetise(data, MAX_PAYLOAD, fragments=self._fragments) if data else []

    def set_rate(self, bitrate: int, frame_rate: float) -> None:  # noqa: D102
        if self._encoder is not None and frame_rate != self._frame_rate:
            self._encoder.set_frame_rate(frame_rate)
        super().set_rate(bitrate, frame_rate)

    def _make(self, width: int, height: int) -> OpenH264Encoder:
        limit = None if self._fragments else MAX_PAYLOAD
        return OpenH264Encoder(width, height, self._bitrate, self._frame_rate, max_nal_bytes=limit, high=self._high)


def encoder(target: CodecSpec, bitrate: int, frame_rate: float, *, picture_id: int = 0) -> VideoEncoder:
    """An encoder of what is to be sent. Raises `CodecUnavailableError`.

    `picture_id`: the first one, of the codecs that have them (15 bits).
    """
    match target.name:
        case "vp8" | "vp9":
            return vpx_encoder(target.name, bitrate, frame_rate, picture_id=picture_id)
        case "av1":
            return Av1Encoder(bitrate, frame_rate)
        case "h264":
            return H264Encoder(
                bitrate, frame_rate, fragments=target.packetization_mode == 1, high=target.profile == "high"
            )
        case "h263" | "h263-1998":
            largest = h263.LARGEST.get(target.profile, h263.LARGEST["qcif"])
            return h263.H263Encoder(bitrate, frame_rate, largest=largest, rfc2190=target.name == "h263")
        case _:
            raise CodecUnavailableError(target.name, "there is no encoder for it")
