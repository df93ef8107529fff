"""A picture in one codec becomes a picture in another: what runs inside a leg for video."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from bridge.transcode import rtp
from bridge.transcode.encodings import Encodings, MakesEncodings
from bridge.transcode.messages import Start
from bridge.transcode.pacing import IDLE_SECONDS, TICK_SECONDS
from bridge.transcode.payload import VIDEO_CLOCK
from bridge.transcode.picture_input import Decoded, PictureInput
from bridge.transcode.picture_output import PictureOutput
from bridge.transcode.picture_size import PictureSizer
from bridge.transcode.steady_rate import SteadyRate

_DEFAULT_FRAME_RATE = 30.0
_SMOOTHING = 0.1


class _Encoding:
    """One of the encodings that are made of a picture."""

    def __init__(self, start: Start, ssrc: int, sequence: int, bitrate: int, send: Callable[[bytes], None]) -> None:
        self._orientation = start.orientation_extension
        self.output = PictureOutput(
            start.target,
            ssrc,
            sequence,
            start.timestamp_offset,
            send,
            bitrate=bitrate,
            frame_rate=_DEFAULT_FRAME_RATE,
        )
        self._rate = SteadyRate(bitrate)
        self._sizer = PictureSizer(bitrate)
        self.bitrate = bitrate
        self._last_sent: int | None = None
        self.size = (0, 0)

    def set_bitrate(self, bitrate: int) -> None:
        """Bits per second of payload from now on."""
        self.bitrate = bitrate
        self._rate.want(bitrate)

    def send(self, decoded: Decoded, now: float, frame_rate: float, orientation: bytes | None) -> bool:
        """Encodes and sends a picture, if it is not left out for the sake of the frame rate; whether it was due."""
        if self._rate.follow(now):
            self._sizer.follow(self._rate.bitrate)
        if not self._is_due(decoded.timestamp):
            return False
        picture = decoded.picture
        size = self._sizer.size(picture.width, picture.height)
        if picture.format.name != "yuv420p" or (picture.width, picture.height) != size:
            picture = picture.reformat(*size, format="yuv420p")
        # In whole numbers: rate control is not to be told of every little change.
        self.output.set_rate(self._rate, max(1.0, min(round(frame_rate), self._sizer.rate.frame_rate)))
        extension = None if self._orientation is None or orientation is None else (self._orientation, orientation)
        if self.output.send(picture, decoded.timestamp, now, extension):
            self._last_sent, self.size = decoded.timestamp, size
        return True

    def _is_due(self, timestamp: int) -> bool:
        if self._last_sent is None or self.output.keyframe_wanted:
            return True
        elapsed = timestamp - self._last_sent
        return elapsed < 0 or elapsed * self._sizer.rate.frame_rate >= 0.8 * VIDEO_CLOCK


class VideoTranscoder(MakesEncodings[_Encoding]):
    """Packets of a picture in, packets of another codec out. Nothing waits but for lost packets."""

    def __init__(self, start: Start, send: Callable[[bytes], None]) -> None:
        """Raises `CodecUnavailableError` for codecs that this machine lacks."""
        self._input = PictureInput(start.source, send, orientation_extension=start.orientation_extension)
        self._encodings = Encodings(
            lambda ssrc, sequence, bitrate: _Encoding(start, ssrc, sequence, bitrate, send),
            start.ssrc,
            start.sequence,
            start.bitrate,
            start.thin,
        )
        self._frame_rate = _DEFAULT_FRAME_RATE
        self._last_seen: int | None = None
        self.delays: list[float] = []
        """Seconds from a frame being whole to its packets having been sent, since they were last taken away."""

    @property
    def frames_in(self) -> int:
        """That came."""
        return self._input.frames

    @property
    def errors(self) -> int:
        """Packets, frames and pictures that made no sense."""
        return self._input.errors

    @property
    def gaps(self) -> int:
        """Times that packets were given up."""
        return self._input.gaps

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
        if decoded:
            sent = [each.send(decoded[-1], now, self._frame_rate, self._input.orientation) for each in self._encodings]
            if any(sent):
                self.delays.append(time.monotonic() - decoded[-1].begun)
        self._input.ask(now)

    def next_step(self, now: float) -> float:
        """Seconds after which it is to look at the time, if no packet comes before."""
        return TICK_SECONDS if self._input.waits else IDLE_SECONDS

    def close(self) -> None:
        """Frees the encoders."""
        self._encodings.close()

    def _take_rtcp(self, datagram: bytes) -> None:
        for each in rtp.parse_rtcp(datagram):
            if isinstance(each, rtp.KeyframeRequest):
                self._encodings.want_keyframe(each.ssrc)
                continue
            for encoding in self._encodings:
                encoding.output.report(each.ntp, each.timestamp)

    def _measure(self, timestamp: int) -> None:
        """Follows the rate at which pictures come, by their timestamps."""
        if self._last_seen is not None:
            elapsed = timestamp - self._last_seen
            if 0 < elapsed < 2 * VIDEO_CLOCK:
                self._frame_rate += _SMOOTHING * (VIDEO_CLOCK / elapsed - self._frame_rate)
        self._last_seen = timestamp
