"""A picture in one codec becomes a picture in another: what runs inside a leg for video."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import av

from bridge.transcode import rtp
from bridge.transcode.messages import Start
from bridge.transcode.pacing import IDLE_SECONDS, TICK_SECONDS
from bridge.transcode.picture_input import PictureInput
from bridge.transcode.picture_output import PictureOutput
from bridge.transcode.picture_size import PictureSizer
from bridge.transcode.video_codecs import VIDEO_CLOCK

_DEFAULT_FRAME_RATE = 30.0
_SMOOTHING = 0.1


class VideoTranscoder:
    """Packets of a picture in, packets of another codec out. Nothing waits but for lost packets."""

    def __init__(self, start: Start, send: Callable[[bytes], None]) -> None:
        """Raises `CodecUnavailableError` for codecs that this machine lacks."""
        self._start = start
        self._input = PictureInput(start.source, send, orientation_extension=start.orientation_extension)
        self._output = PictureOutput(
            start.target,
            start.ssrc,
            start.sequence,
            start.timestamp_offset,
            send,
            bitrate=start.bitrate,
            frame_rate=_DEFAULT_FRAME_RATE,
        )
        self._sizer = PictureSizer(start.bitrate)
        self.bitrate = start.bitrate
        """What may be sent, in bit/s of payload."""
        self._frame_rate = _DEFAULT_FRAME_RATE
        self._last_sent: int | None = None
        self._last_seen: int | None = None
        self.size = (0, 0)
        self.delays: list[float] = []
        """Seconds from a frame being whole to its packets having been sent, since they were last taken away."""

    @property
    def frames_in(self) -> int:
        """That came."""
        return self._input.frames

    @property
    def frames_out(self) -> int:
        """That were sent."""
        return self._output.frames

    @property
    def errors(self) -> int:
        """Packets, frames and pictures that made no sense."""
        return self._input.errors

    @property
    def gaps(self) -> int:
        """Times that packets were given up."""
        return self._input.gaps

    @property
    def octets(self) -> int:
        """Of payload that were sent."""
        return self._output.octets

    @property
    def sequence(self) -> int:
        """The next sequence number."""
        return self._output.sequence

    def set_bitrate(self, bitrate: int) -> None:
        """Bits per second of payload from now on."""
        self.bitrate = bitrate
        self._sizer.follow(bitrate)
        self._output.set_rate(bitrate, self._rate())

    def handle(self, datagrams: Sequence[bytes], now: float) -> None:
        """Takes in what has come since the last time; may be empty, when only time has passed."""
        for datagram in datagrams:
            if rtp.is_rtcp(datagram):
                self._take_rtcp(datagram)
            else:
                self._input.take(datagram, now)
        decoded = list(self._input.pictures(now))
        for each in decoded:
            self._measure(each.timestamp)
        # When several have come together the encoder was too slow: it gets the newest only.
        if decoded and self._is_due(decoded[-1].timestamp):
            self._encode(decoded[-1].picture, decoded[-1].timestamp, now)
            self.delays.append(time.monotonic() - decoded[-1].begun)
        self._input.ask(now)

    def next_step(self, now: float) -> float:
        """Seconds after which it is to look at the time, if no packet comes before."""
        return TICK_SECONDS if self._input.waits else IDLE_SECONDS

    def close(self) -> None:
        """Frees the encoder."""
        self._output.close()

    def _take_rtcp(self, datagram: bytes) -> None:
        for each in rtp.parse_rtcp(datagram):
            if isinstance(each, rtp.KeyframeRequest):
                self._output.keyframe_wanted = True
            else:
                self._output.report(each.ntp, each.timestamp)

    def _measure(self, timestamp: int) -> None:
        """Follows the rate at which pictures come, by their timestamps."""
        if self._last_seen is not None:
            elapsed = timestamp - self._last_seen
            if 0 < elapsed < 2 * VIDEO_CLOCK:
                self._frame_rate += _SMOOTHING * (VIDEO_CLOCK / elapsed - self._frame_rate)
        self._last_seen = timestamp

    def _rate(self) -> float:
        # In whole numbers: rate control is not to be told of every little change.
        return max(1.0, min(round(self._frame_rate), self._sizer.rate.frame_rate))

    def _is_due(self, timestamp: int) -> bool:
        """Whether this picture is sent, or left out for the sake of the frame rate."""
        if self._last_sent is None or self._output.keyframe_wanted:
            return True
        elapsed = timestamp - self._last_sent
        return elapsed < 0 or elapsed * self._sizer.rate.frame_rate >= 0.8 * VIDEO_CLOCK

    def _encode(self, picture: av.VideoFrame, timestamp: int, now: float) -> None:
        size = self._sizer.size(picture.width, picture.height)
        if picture.format.name != "yuv420p" or (picture.width, picture.height) != size:
            picture = picture.reformat(*size, format="yuv420p")
        self._output.set_rate(self.bitrate, self._rate())
        number = self._start.orientation_extension
        extension = None if number is None or self._input.orientation is None else (number, self._input.orientation)
        if self._output.send(picture, timestamp, now, extension):
            self._last_sent, self.size = timestamp, size
