"""One stream of pictures as it comes into a leg: packets in, decoded pictures out; keyframes are asked for."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import av

from bridge.transcode import h263, rtp
from bridge.transcode.assembly import Assembled, FrameAssembler
from bridge.transcode.messages import CodecSpec
from bridge.transcode.payload import DEPACKETISE, IS_KEYFRAME, h264
from bridge.transcode.video_codecs import decoder

KEYFRAME_REQUEST_SECONDS = 0.5
"""Between two requests to the publisher."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture, and what its frame said of it."""

    picture: av.VideoFrame
    timestamp: int
    """RTP timestamp, counted on past its 32 bits."""
    begun: float
    """When its decoding began, in seconds of `time.monotonic`."""


class PictureInput:
    """A decoder with what feeds it. Nothing waits but for lost packets."""

    def __init__(
        self, codecs: Sequence[CodecSpec], send: Callable[[bytes], None], *, orientation_extension: int | None = None
    ) -> None:
        """`send` takes feedback to the publisher. Raises `CodecUnavailableError` for codecs that this machine lacks."""
        self._codecs = {each.payload_type: each.name for each in codecs}
        for name in self._codecs.values():
            decoder(name)
        self._send = send
        self._orientation_extension = orientation_extension
        self._decoding: str | None = None
        self._decoder: av.VideoCodecContext | None = None
        self._assembler = FrameAssembler()
        self._ssrc = random.getrandbits(32)
        self._source_ssrc: int | None = None
        self._needs_keyframe = True
        self._asked_for_keyframe = -KEYFRAME_REQUEST_SECONDS
        self.orientation: bytes | None = None
        """What the newest header extension of video orientation said."""
        self.frames = 0
        """That came."""
        self.errors = 0
        """Packets and frames that made no sense."""

    @property
    def gaps(self) -> int:
        """Times that packets were given up."""
        return self._assembler.gaps

    @property
    def waits(self) -> bool:
        """Whether something is to happen without any packet coming."""
        return self._assembler.waits or (self._needs_keyframe and self._source_ssrc is not None)

    def take(self, datagram: bytes, now: float) -> None:
        """Takes in an RTP packet; `now` in seconds of any steady clock."""
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

    def pictures(self, now: float) -> Iterator[Decoded]:
        """The pictures that are whole now, in order."""
        for frame in self._assembler.frames(now):
            # Those without a payload are padding.
            if frame.payloads:
                decoded = self._take_frame(frame)
                if decoded is not None:
                    yield decoded

    def ask(self, now: float) -> None:
        """Asks the publisher for what is missing. To be called after `pictures`."""
        if self._source_ssrc is None:
            return
        missing = self._assembler.missing(now)
        if missing:
            self._send(rtp.write_nack(self._ssrc, self._source_ssrc, missing))
        if self._needs_keyframe and now - self._asked_for_keyframe >= KEYFRAME_REQUEST_SECONDS:
            self._asked_for_keyframe = now
            self._send(rtp.write_keyframe_request(self._ssrc, self._source_ssrc))

    def _take_frame(self, frame: Assembled) -> Decoded | None:
        begun = time.monotonic()
        self.frames += 1
        name = self._codecs[frame.payload_type]
        try:
            data = DEPACKETISE[name](frame.payloads)
            keyframe = IS_KEYFRAME[name](data)
        except rtp.MalformedPacketError:
            self._failed()
            return None
        if frame.after_gap:
            self._needs_keyframe = True
            # H.264 has no sign of where an access unit begins. Without its parameter sets, or its first slices, a
            # keyframe is decoded all the same: by those before it, which may be of another size.
            keyframe = keyframe and (name != "h264" or h264.has_parameter_sets(data))
        self._needs_keyframe |= self._decoding != name
        if self._needs_keyframe and not keyframe:
            return None
        if self._decoding != name:
            self._decoding, self._decoder = name, decoder(name)
        picture = self._decode(data)
        if picture is None:
            return None
        self._needs_keyframe = False
        self._note_orientation(frame)
        return Decoded(picture, frame.timestamp, begun)

    def _decode(self, data: bytes) -> av.VideoFrame | None:
        assert self._decoder is not None  # noqa: S101 - chosen by the caller
        try:
            pictures = self._decoder.decode(av.Packet(data))
            if not pictures:
                return None
            return h263.squared(pictures[-1]) if self._decoding in h263.NAMES else pictures[-1]
        except (av.error.FFmpegError, MemoryError, rtp.MalformedPacketError):
            self._failed()
            return None

    def _failed(self) -> None:
        """A keyframe is needed, which depends on nothing before it.

        So nothing of the decoder is: FFmpeg's of VP9 takes nothing any more after one picture that is too large.
        """
        self.errors += 1
        self._needs_keyframe, self._decoding = True, None

    def _note_orientation(self, frame: Assembled) -> None:
        number = self._orientation_extension
        if number is not None:
            found = (packet.extension(number) for packet in reversed(frame.packets))
            self.orientation = next((each for each in found if each is not None), self.orientation)
