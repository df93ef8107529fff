"""VP8 and VP9 towards RTP: by libvpx itself, or by FFmpeg where that cannot be."""

from __future__ import annotations

import av

from bridge.transcode import libvpx
from bridge.transcode.errors import CodecUnavailableError
from bridge.transcode.ffmpeg_encoders import Vp8Encoder, Vp9Encoder
from bridge.transcode.payload import MAX_PAYLOAD, VIDEO_CLOCK, vp8, vp9


def vpx_encoder(
    codec: str, bitrate: int, frame_rate: float, *, picture_id: int = 0
) -> VpxStream | Vp8Encoder | Vp9Encoder:
    """`codec`: "vp8" or "vp9"; `picture_id`: the first one, 15 bits. Raises `CodecUnavailableError`."""
    try:
        libvpx.library()
    except CodecUnavailableError:
        by_ffmpeg = Vp8Encoder if codec == "vp8" else Vp9Encoder
        return by_ffmpeg(bitrate, frame_rate, picture_id=picture_id)
    return VpxStream(codec, bitrate, frame_rate, picture_id=picture_id)


class VpxStream:
    """Implements `VideoEncoder`: another size is another encoder, another bitrate is not."""

    follows = True

    def __init__(self, codec: str, bitrate: int, frame_rate: float, *, picture_id: int) -> None:
        self._codec = codec
        self._bitrate, self._frame_rate = bitrate, frame_rate
        self._encoder: libvpx.VpxEncoder | None = None
        self._size = (0, 0)
        self._picture_id = picture_id

    def encode(self, frame: av.VideoFrame, timestamp: int, *, keyframe: bool) -> list[bytes]:  # noqa: D102
        if self._encoder is None or self._size != (frame.width, frame.height):
            self.close()
            self._size = (frame.width, frame.height)
            self._encoder = libvpx.VpxEncoder(self._codec, *self._size, self._bitrate)
        payloads: list[bytes] = []
        for picture in self._encoder.encode(frame, timestamp, round(VIDEO_CLOCK / self._frame_rate), keyframe=keyframe):
            self._picture_id += 1
            payloads += self._packetise(picture)
        return payloads

    def set_rate(self, bitrate: int, frame_rate: float) -> None:  # noqa: D102
        if self._encoder is not None and bitrate != self._bitrate:
            self._encoder.set_bitrate(bitrate)
        self._bitrate, self._frame_rate = bitrate, frame_rate

    def close(self) -> None:  # noqa: D102
        if self._encoder is not None:
            self._encoder.close()
            self._encoder = None

    def _packetise(self, picture: libvpx.Picture) -> list[bytes]:
        if self._codec == "vp8":
            return vp8.packetise(picture.data, self._picture_id, MAX_PAYLOAD)
        return vp9.packetise(picture.data, self._picture_id, MAX_PAYLOAD, keyframe=picture.keyframe)
