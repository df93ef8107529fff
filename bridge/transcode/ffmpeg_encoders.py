"""Encoders of FFmpeg for a live call: constant bitrate, no look-ahead, no picture that waits for a later one.

FFmpeg hands no new bitrate to any of them, so that a change makes the encoder anew, which costs a keyframe: the caller
changes it in steps that are worth that (`SteadyRate`). Those of VP8 and VP9 are for where libvpx cannot be called.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from typing import TypeAlias

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from bridge.transcode.errors import CodecUnavailableError
from bridge.transcode.payload import MAX_PAYLOAD, VIDEO_CLOCK, av1, vp8, vp9

EncodedPacket: TypeAlias = "av.Packet[av.VideoStream]"

_TIME_BASE = Fraction(1, VIDEO_CLOCK)
_SAME_BITRATE = 0.04
"""A change by less than this does not make an encoder anew; see `SteadyRate`."""
_AV1_LEAST = 64
"""Pixels: SVT-AV1 keeps no bitrate with pictures that are narrower or lower, which are widened."""
_NO_KEYFRAMES = 3000
"""Pictures from keyframe to keyframe where nobody asks for one."""


class FfmpegEncoder(ABC):
    """Implements `VideoEncoder`."""

    library: str
    """FFmpeg's name of the encoder."""
    follows = False

    def __init__(self, bitrate: int, frame_rate: float, *, picture_id: int = 0) -> None:
        """Raises `CodecUnavailableError` where FFmpeg was built without it. `picture_id`: the first one, 15 bits."""
        try:
            av.Codec(self.library, "w")
        except av.codec.codec.UnknownCodecError as error:
            raise CodecUnavailableError(self.library, "FFmpeg was built without it") from error
        self._bitrate, self._frame_rate = bitrate, frame_rate
        self._context: VideoCodecContext | None = None
        self._picture_id = picture_id

    def encode(self, frame: av.VideoFrame, timestamp: int, *, keyframe: bool) -> list[bytes]:  # noqa: D102
        context = self._context
        if context is None or (context.width, context.height) != (frame.width, frame.height):
            context = self._context = self._open(frame.width, frame.height)
        self._stamp(frame, timestamp)
        frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        payloads: list[bytes] = []
        for packet in context.encode(frame):
            self._picture_id += 1
            payloads += self._packetise(packet)
        return payloads

    def set_rate(self, bitrate: int, frame_rate: float) -> None:  # noqa: D102
        if abs(bitrate - self._bitrate) > _SAME_BITRATE * self._bitrate:
            self._bitrate = bitrate
            self._context = None
        self._frame_rate = frame_rate

    def close(self) -> None:  # noqa: D102
        self._context = None

    @abstractmethod
    def _options(self) -> dict[str, str]:
        """What the encoder is to be told beside size and bitrate."""

    @abstractmethod
    def _packetise(self, packet: EncodedPacket) -> list[bytes]:
        """An encoded picture in payloads."""

    def _stamp(self, frame: av.VideoFrame, timestamp: int) -> None:
        frame.pts, frame.time_base = timestamp, _TIME_BASE

    def _open(self, width: int, height: int) -> VideoCodecContext:
        context: VideoCodecContext = av.CodecContext.create(self.library, "w")  # type: ignore[assignment]
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base = _TIME_BASE
        context.framerate = Fraction(self._frame_rate).limit_denominator(1000)
        context.bit_rate = self._bitrate
        context.gop_size = _NO_KEYFRAMES
        context.thread_count = 1
        context.options = self._options()
        return context


class _VpxEncoder(FfmpegEncoder):
    """libvpx."""

    def _options(self) -> dict[str, str]:
        return {
            "deadline": "realtime",
            "lag-in-frames": "0",
            "auto-alt-ref": "0",
            "minrate": str(self._bitrate),
            "maxrate": str(self._bitrate),
            "bufsize": str(self._bitrate),
            "undershoot-pct": "100",
            "overshoot-pct": "15",
            "static-thresh": "1",
            "error-resilient": "default",
        }

    def _open(self, width: int, height: int) -> VideoCodecContext:
        context = super()._open(width, height)
        context.qmin, context.qmax = 4, 56
        return context


class Vp8Encoder(_VpxEncoder):
    """VP8."""

    library = "libvpx"

    def _options(self) -> dict[str, str]:
        # Why 2 and 1 is said in `libvpx`.
        cuts = {"screen-content-mode": "2", "drop-threshold": "1"}
        return {**super()._options(), "cpu-used": "-6", "noise-sensitivity": "0", **cuts}

    def _packetise(self, packet: EncodedPacket) -> list[bytes]:
        return vp8.packetise(bytes(packet), self._picture_id, MAX_PAYLOAD)


class Vp9Encoder(_VpxEncoder):
    """VP9, profile 0, without layers."""

    library = "libvpx-vp9"

    def _options(self) -> dict[str, str]:
        # Cyclic refresh (aq-mode 3) spreads over many pictures what makes one sharp, as calls do.
        return {**super()._options(), "cpu-used": "8", "aq-mode": "3", "row-mt": "0"}

    def _packetise(self, packet: EncodedPacket) -> list[bytes]:
        return vp9.packetise(bytes(packet), self._picture_id, MAX_PAYLOAD, keyframe=packet.is_keyframe)


class Av1Encoder(FfmpegEncoder):
    """AV1 main profile, by SVT-AV1 in its low-delay mode, on as few threads as it knows."""

    library = "libsvtav1"

    def encode(self, frame: av.VideoFrame, timestamp: int, *, keyframe: bool) -> list[bytes]:  # noqa: D102
        if min(frame.width, frame.height) < _AV1_LEAST:
            frame = frame.reformat(max(frame.width, _AV1_LEAST), max(frame.height, _AV1_LEAST))
        return super().encode(frame, timestamp, keyframe=keyframe)

    def _options(self) -> dict[str, str]:
        # pred-struct 1: no picture waits for a later one; rc 2: constant bitrate; scd: no keyframes of its own.
        return {"preset": "12", "svtav1-params": "rtc=1:pred-struct=1:rc=2:lookahead=0:scd=0:lp=1"}

    def _packetise(self, packet: EncodedPacket) -> list[bytes]:
        return av1.packetise(bytes(packet), MAX_PAYLOAD, keyframe=packet.is_keyframe)
