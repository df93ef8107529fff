"""A picture in one codec becomes a picture in another: what runs inside a leg for video."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

import av

from bridge.transcode import rtp
from bridge.transcode.assembly import Assembled, FrameAssembler
from bridge.transcode.messages import Start
from bridge.transcode.payload import DEPACKETISE, IS_KEYFRAME
from bridge.transcode.picture_size import PictureSizer
from bridge.transcode.sender import RtpSender
from bridge.transcode.video_codecs import VIDEO_CLOCK, decoder, encoder

KEYFRAME_REQUEST_SECONDS = 0.5
"""Between two requests to the publisher."""
KEYFRAME_SECONDS = 0.3
"""Between two keyframes that receivers ask for: a group that joins together gets one."""
MAX_ERRORS_IN_A_ROW = 300
"""Frames that make no sense, one after the other: then the decoder is made anew."""
_DEFAULT_FRAME_RATE = 30.0
_SMOOTHING = 0.1


class VideoTranscoder:
    """Packets of a picture in, packets of another codec out. Nothing waits but for lost packets."""

    def __init__(self, start: Start, send: Callable[[bytes], None]) -> None:
        """Raises `CodecUnavailableError` for codecs that this machine lacks."""
        self._start = start
        self._send = send
        self._codecs = {each.payload_type: each.name for each in start.source}
        for name in self._codecs.values():
            decoder(name)
        self._decoding: str | None = None
        self._decoder: av.VideoCodecContext | None = None
        self._encoder = encoder(
            start.target.name,
            start.bitrate,
            _DEFAULT_FRAME_RATE,
            packetization_mode=start.target.packetization_mode,
            # There are never more pictures than packets: a successor's are ahead of its predecessor's.
            picture_id=start.sequence,
        )
        self._sender = RtpSender(send, start.target.payload_type, start.ssrc, start.sequence)
        self._assembler = FrameAssembler()
        self._sizer = PictureSizer(start.bitrate)
        self.bitrate = start.bitrate
        """What may be sent, in bit/s of payload."""
        self._frame_rate = _DEFAULT_FRAME_RATE
        self._ssrc = random.getrandbits(32)
        self._source_ssrc: int | None = None
        self._needs_keyframe = True
        self._asked_for_keyframe = -KEYFRAME_REQUEST_SECONDS
        self._keyframe_wanted = True
        self._last_keyframe = -KEYFRAME_SECONDS
        self._last_sent: int | None = None
        self._last_seen: int | None = None
        self._orientation: bytes | None = None
        self._errors_in_a_row = 0
        self.frames_in = self.frames_out = self.errors = 0
        self.size = (0, 0)
        self.delays: list[float] = []
        """Seconds from a frame being whole to its packets having been sent, since they were last taken away."""

    @property
    def gaps(self) -> int:
        """Times that packets were given up."""
        return self._assembler.gaps

    @property
    def sender(self) -> RtpSender:
        """What is sent."""
        return self._sender

    def set_bitrate(self, bitrate: int) -> None:
        """Bits per second of payload from now on."""
        self.bitrate = bitrate
        self._sizer.follow(bitrate)
        self._encoder.set_rate(bitrate, self._rate())

    def handle(self, datagrams: Sequence[bytes], now: float) -> None:
        """Takes in what has come since the last time; may be empty, when only time has passed."""
        for datagram in datagrams:
            if rtp.is_rtcp(datagram):
                self._take_rtcp(datagram, now)
            else:
                self._take_rtp(datagram, now)
        # Those without a payload are padding.
        frames = [frame for frame in self._assembler.frames(now) if frame.payloads]
        for index, frame in enumerate(frames):
            # When several have come together the encoder was too slow: it gets the newest only.
            self._transcode(frame, now, encode=index == len(frames) - 1)
        missing = self._assembler.missing(now)
        if missing and self._source_ssrc is not None:
            self._send(rtp.write_nack(self._ssrc, self._source_ssrc, missing))
        if self._needs_keyframe:
            self._request_keyframe(now)

    @property
    def waits(self) -> bool:
        """Whether something is to happen without any packet coming."""
        return self._assembler.waits or self._needs_keyframe

    def close(self) -> None:
        """Frees the encoder."""
        self._encoder.close()

    def _take_rtp(self, datagram: bytes, now: float) -> None:
        try:
            packet = rtp.parse(datagram)
        except rtp.MalformedPacketError:
            self.errors += 1
            return
        if packet.payload_type not in self._codecs:
            self.errors += 1
            return
        self._source_ssrc = packet.ssrc
        self._assembler.push(packet, now)

    def _take_rtcp(self, datagram: bytes, now: float) -> None:
        for each in rtp.parse_rtcp(datagram):
            if isinstance(each, rtp.KeyframeRequest):
                self._keyframe_wanted = True
            else:
                self._sender.report(each.ntp, each.timestamp + self._start.timestamp_offset)

    def _request_keyframe(self, now: float) -> None:
        if self._source_ssrc is not None and now - self._asked_for_keyframe >= KEYFRAME_REQUEST_SECONDS:
            self._asked_for_keyframe = now
            self._send(rtp.write_keyframe_request(self._ssrc, self._source_ssrc))

    def _transcode(self, frame: Assembled, now: float, *, encode: bool) -> None:
        begun = time.monotonic()
        self.frames_in += 1
        name = self._codecs[frame.payload_type]
        try:
            data = DEPACKETISE[name](frame.payloads)
            keyframe = IS_KEYFRAME[name](data)
        except rtp.MalformedPacketError:
            self._failed()
            return
        if frame.after_gap:
            self._needs_keyframe = True
        if self._decoding != name:
            self._decoding, self._decoder, self._needs_keyframe = name, decoder(name), True
        if self._needs_keyframe and not keyframe:
            return
        picture = self._decode(data)
        if picture is None:
            return
        self._needs_keyframe = False
        self._errors_in_a_row = 0
        self._measure(frame.timestamp)
        self._note_orientation(frame)
        if encode and self._is_due(frame.timestamp):
            self._encode(picture, frame.timestamp, now)
            self.delays.append(time.monotonic() - begun)

    def _decode(self, data: bytes) -> av.VideoFrame | None:
        assert self._decoder is not None  # noqa: S101 - chosen by the caller
        try:
            pictures = self._decoder.decode(av.Packet(data))
        except (av.error.FFmpegError, MemoryError):
            self._failed()
            return None
        return pictures[-1] if pictures else None

    def _failed(self) -> None:
        self.errors += 1
        self._errors_in_a_row += 1
        self._needs_keyframe = True
        if self._errors_in_a_row >= MAX_ERRORS_IN_A_ROW:
            self._decoding, self._errors_in_a_row = None, 0

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
        if self._last_sent is None or self._keyframe_wanted:
            return True
        elapsed = timestamp - self._last_sent
        return elapsed < 0 or elapsed * self._sizer.rate.frame_rate >= 0.8 * VIDEO_CLOCK

    def _note_orientation(self, frame: Assembled) -> None:
        number = self._start.orientation_extension
        if number is not None:
            found = (packet.extension(number) for packet in reversed(frame.packets))
            self._orientation = next((each for each in found if each is not None), self._orientation)

    def _encode(self, picture: av.VideoFrame, timestamp: int, now: float) -> None:
        size = self._sizer.size(picture.width, picture.height)
        if picture.format.name != "yuv420p" or (picture.width, picture.height) != size:
            picture = picture.reformat(*size, format="yuv420p")
        keyframe = self._keyframe_wanted and now - self._last_keyframe >= KEYFRAME_SECONDS
        if keyframe:
            self._keyframe_wanted, self._last_keyframe = False, now
        self._encoder.set_rate(self.bitrate, self._rate())
        payloads = self._encoder.encode(picture, timestamp, keyframe=keyframe)
        if not payloads:
            return
        self._last_sent, self.size = timestamp, size
        self.frames_out += 1
        number = self._start.orientation_extension
        extension = None if number is None or self._orientation is None else (number, self._orientation)
        self._sender.send(payloads, timestamp + self._start.timestamp_offset, extension=extension)
