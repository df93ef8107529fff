"""What a leg makes of pictures: an encoder, and the packets that go out."""

from __future__ import annotations

from collections.abc import Callable

import av

from bridge.transcode.messages import CodecSpec
from bridge.transcode.payload import VIDEO_CLOCK
from bridge.transcode.sender import RtpSender
from bridge.transcode.steady_rate import SteadyRate
from bridge.transcode.video_codecs import encoder

KEYFRAME_SECONDS = 0.3
"""Between two keyframes that receivers ask for: a group that joins together gets one."""
MAX_STEP = 2 * VIDEO_CLOCK
"""From one picture to the next at most, as its encoder is told: libvpx refuses what is before its beginning, and rate
control is not to save up for the hours by which a sender's clock leaps."""


class PictureOutput:
    """One stream of pictures, at what is asked for."""

    def __init__(
        self,
        target: CodecSpec,
        ssrc: int,
        sequence: int,
        timestamp_offset: int,
        send: Callable[[bytes], None],
        *,
        bitrate: int,
        frame_rate: float,
    ) -> None:
        """Raises `CodecUnavailableError` for codecs that this machine lacks."""
        self._encoder = encoder(
            target,
            bitrate,
            frame_rate,
            # There are never more pictures than packets: a successor's are ahead of its predecessor's.
            picture_id=sequence,
        )
        self._sender = RtpSender(send, target.payload_type, ssrc, sequence)
        self.ssrc = ssrc
        self._timestamp_offset = timestamp_offset
        self._last: int | None = None
        """Timestamp of the newest picture, as it came."""
        self._encoders_time = 0
        self._usual_step = round(VIDEO_CLOCK / frame_rate)
        self.keyframe_wanted = True
        """Set it when a receiver asks for one."""
        self._last_keyframe = -KEYFRAME_SECONDS
        self.frames = 0
        """That went out."""

    @property
    def octets(self) -> int:
        """Of payload that were sent."""
        return self._sender.octets

    @property
    def sequence(self) -> int:
        """The next sequence number."""
        return self._sender.sequence

    def set_rate(self, rate: SteadyRate, frame_rate: float) -> None:
        """Bits and frames per second from now on: what is wanted, where that costs no keyframe."""
        self._usual_step = round(VIDEO_CLOCK / frame_rate)
        self._encoder.set_rate(rate.wanted if self._encoder.follows else rate.bitrate, frame_rate)

    def send(
        self, picture: av.VideoFrame, timestamp: int, now: float, extension: tuple[int, bytes] | None = None
    ) -> bool:
        """Encodes and sends a picture; whether anything came of it. `timestamp`: of VIDEO_CLOCK, counted on."""
        keyframe = self.keyframe_wanted and now - self._last_keyframe >= KEYFRAME_SECONDS
        if keyframe:
            self.keyframe_wanted, self._last_keyframe = False, now
        payloads = self._encoder.encode(picture, self._steady(timestamp), keyframe=keyframe)
        if not payloads:
            return False
        self.frames += 1
        self._sender.send(payloads, timestamp + self._timestamp_offset, extension=extension)
        return True

    def _steady(self, timestamp: int) -> int:
        """The encoder's time of a picture: it rises, by no more than is likely."""
        last, self._last = self._last, timestamp
        step = 1 if last is None else timestamp - last
        self._encoders_time += step if 0 < step <= MAX_STEP else self._usual_step
        return self._encoders_time

    def report(self, ntp: int, timestamp: int) -> None:
        """Says when a picture of this timestamp was taken (sender report)."""
        self._sender.report(ntp, timestamp + self._timestamp_offset)

    def close(self) -> None:
        """Frees the encoder."""
        self._encoder.close()
