"""H.263 for very old equipment: its few sizes of pictures, whose pixels are not square, both ways."""

from __future__ import annotations

from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext

from bridge.transcode.compose.geometry import Rect
from bridge.transcode.compose.planes import BLACK, Planes
from bridge.transcode.ffmpeg_encoders import EncodedPacket, FfmpegEncoder
from bridge.transcode.payload import MAX_PAYLOAD, VIDEO_CLOCK
from bridge.transcode.payload.h263 import PIXEL_SHAPE, SIZES, Block, packetise, packetise_2190
from bridge.transcode.rtp import MalformedPacketError

NAMES = ("h263-1998", "h263")
"""As they are called in RTP: by RFC 4629 and by RFC 2190."""
MAX_PIXELS = 704 * 576
FRAME_RATE = 15
"""Pictures a second at most: more than that old equipment does not promise to decode."""
LARGEST = {"qcif": (176, 144), "cif": (352, 288), "4cif": (704, 576)}
"""What a receiver takes at most. Smaller ones it takes as well."""
_WIDE, _HIGH = PIXEL_SHAPE
_REFRESH = 132
"""Pictures from keyframe to keyframe: decoders and encoders drift apart in between (ITU-T H.263, section 4.4)."""
_BLOCKS_APART = 100
"""Bytes between places at which a packet may begin."""


def squared(picture: av.VideoFrame) -> av.VideoFrame:
    """A decoded picture with square pixels, yuv420p. Raises `MalformedPacketError` for sizes that are not taken."""
    if (picture.width, picture.height) not in SIZES.values():
        raise MalformedPacketError(f"H.263 of {picture.width}×{picture.height} is not taken")
    return picture.reformat(round(picture.width * _WIDE / _HIGH / 2) * 2, picture.height, format="yuv420p")


def fitted(picture: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
    """All of a yuv420p picture in one of this size with H.263's pixels, black on two sides where the shapes differ."""
    scale = min(width * _WIDE / _HIGH / picture.width, height / picture.height)
    wide = min(width, max(2, round(picture.width * scale * _HIGH / _WIDE / 2) * 2))
    high = min(height, max(2, round(picture.height * scale / 2) * 2))
    inner = picture.reformat(wide, high, format="yuv420p")
    if (wide, high) == (width, height):
        return inner
    outer = av.VideoFrame(width, height, "yuv420p")
    planes = Planes.of(outer)
    planes.fill(BLACK)
    planes.part(Rect((width - wide) // 4 * 2, (height - high) // 4 * 2, wide, high)).put(Planes.of(inner))
    return outer


class H263Encoder(FfmpegEncoder):
    """Baseline, which every decoder of H.263 takes."""

    library = "h263"

    def __init__(self, bitrate: int, frame_rate: float, *, largest: tuple[int, int], rfc2190: bool) -> None:
        """`largest`: size that the receiver takes at most; `rfc2190`: it takes packets by that one."""
        super().__init__(bitrate, min(frame_rate, FRAME_RATE))
        self._sizes = [size for size in SIZES.values() if size <= largest]
        self._rfc2190 = rfc2190
        self._last: int | None = None
        self._count = 0

    def encode(self, frame: av.VideoFrame, timestamp: int, *, keyframe: bool) -> list[bytes]:  # noqa: D102
        if self._last is not None and 0 <= (timestamp - self._last) * FRAME_RATE < 0.8 * VIDEO_CLOCK and not keyframe:
            return []
        self._last = timestamp
        return super().encode(fitted(frame, *self._size(frame)), timestamp, keyframe=keyframe)

    def set_rate(self, bitrate: int, frame_rate: float) -> None:  # noqa: D102
        super().set_rate(bitrate, min(frame_rate, FRAME_RATE))

    def _size(self, frame: av.VideoFrame) -> tuple[int, int]:
        """The largest that is no larger than the picture, which has been made as large as the bitrate is worth."""
        fitting = [size for size in self._sizes if size[0] * size[1] <= frame.width * frame.height]
        return max(fitting, default=self._sizes[0])

    def _options(self) -> dict[str, str]:
        options = {"maxrate": str(self._bitrate), "bufsize": str(self._bitrate // 2), "mb_info": str(_BLOCKS_APART)}
        if not self._rfc2190:
            del options["mb_info"]
        return options

    def _open(self, width: int, height: int) -> VideoCodecContext:
        context = super()._open(width, height)
        # Pictures are numbered in the stream in units of this.
        context.time_base = Fraction(1, max(1, round(self._frame_rate)))
        context.gop_size = _REFRESH
        return context

    def _stamp(self, frame: av.VideoFrame, timestamp: int) -> None:
        assert self._context is not None  # noqa: S101 - opened just now
        self._count += 1
        frame.pts, frame.time_base = self._count, self._context.time_base

    def _packetise(self, packet: EncodedPacket) -> list[bytes]:
        if not self._rfc2190:
            return packetise(bytes(packet), MAX_PAYLOAD)
        told = bytes(packet.get_sidedata("h263_mb_info")) if packet.has_sidedata("h263_mb_info") else b""
        return packetise_2190(bytes(packet), Block.parse_all(told), MAX_PAYLOAD)
