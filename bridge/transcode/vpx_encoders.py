"""VP8 and VP9 towards RTP: by libvpx itself, or by FFmpeg where that cannot be."""

from __future__ import annotations

import av

from bridge.transcode import libvpx
from bridge.transcode.errors import CodecUnavailableError
from bridge.transcode.ffmpeg_encoders import Vp8Encoder, Vp9Encoder
from bridge.transcode.payload import MAX_PAYLOAD, VIDEO_CLOCK, vp8, vp9
from bridge.transcode.sized_encoder import SizedEncoder


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


class VpxStream(SizedEncoder[libvpx.VpxEncoder]):
    """Implements `VideoEncoder` by libvpx itself."""

    def __init__(self, codec: str, bitrate: int, frame_rate: float, *, picture_id: int) -> None:
        super().__init__(bitrate, frame_rate)
        self._codec = codec
        self._picture_id = picture_id

    def encode(self, frame: av.VideoFrame, timestamp: int, *, keyframe: bool) -> list[bytes]:  # noqa: D102
        encoder, duration = self._encoder_of(frame), round(VIDEO_CLOCK / self._frame_rate)
        payloads: list[bytes] = []
        for picture in encoder.encode(frame, timestamp, duration, keyframe=keyframe):
            self._picture_id += 1
            payloads += self._packetise(picture)
        return payloads

    def _make(self, width: int, height: int) -> libvpx.VpxEncoder:
        return libvpx.VpxEncoder(self._codec, width, height, self._bitrate)

    def _packetise(self, picture: libvpx.Picture) -> list[bytes]:
        if self._codec == "vp8":
            return vp8.packetise(picture.data, self._picture_id, MAX_PAYLOAD)
        return vp9.packetise(picture.data, self._picture_id, MAX_PAYLOAD, keyframe=picture.keyframe)
