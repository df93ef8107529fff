"""Packets of one track in, what goes into a file out: pictures from a keyframe on, packets of sound in their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import av

from bridge.transcode import rtp
from bridge.transcode.assembly import Assembled, FrameAssembler
from bridge.transcode.payload import DEPACKETISE, IS_KEYFRAME, VIDEO_CLOCK
from bridge.transcode.recorder.clock import TrackClock
from bridge.transcode.recorder.messages import AddTrack
from bridge.transcode.reorder import Reorder
from bridge.transcode.video_codecs import decoder

KEYFRAME_REQUEST_SECONDS = 0.5
"""Between two requests."""
OPUS_CLOCK = 48_000
MAX_FRAME = 1 << 20
"""Bytes of a picture that is recorded at most: a larger one is none of a consultation's."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A coded picture or a packet of sound."""

    kind: str
    codec: str
    data: bytes
    at: float
    """In seconds of the recording."""
    keyframe: bool = True
    size: tuple[int, int] = (0, 0)
    """Width and height of a keyframe."""
    rotation: int = 0
    """Of a keyframe: degrees clockwise that it is to be turned by."""


class SoundTrack:
    """Opus."""

    kind = "audio"

    def __init__(self, added: AddTrack) -> None:
        self.stream = added.stream
        self.ssrc = added.ssrc
        self.clock = TrackClock(OPUS_CLOCK)
        self.errors = 0
        self._types = {each.payload_type for each in added.codecs if each.name == "opus"}
        self._reorder = Reorder()
        self._timestamps = rtp.Unwrapper(32)

    @property
    def gaps(self) -> int:
        """Times that packets were given up."""
        return self._reorder.gaps

    @property
    def waits(self) -> bool:
        """Whether a packet is missing, so that time alone changes something."""
        return self._reorder.waits

    def push(self, packet: rtp.RtpPacket, now: float) -> None:
        """Takes in a packet; `now` in seconds of the recording."""
        if packet.payload_type in self._types:
            self._reorder.push(packet, now)
        else:
            self.errors += 1

    def units(self, now: float) -> Iterator[Unit]:
        """Those whose turn it is."""
        for packet in self._reorder.packets(now):
            # One without a payload is padding.
            if packet.payload:
                at = self.clock.at(self._timestamps.unwrap(packet.timestamp), now)
                yield Unit(self.kind, "opus", packet.payload, at)

    def missing(self, now: float) -> list[int]:
        """Sequence numbers to ask for now."""
        return self._reorder.missing(now)

    def wants_keyframe(self, now: float, wanted: bool) -> bool:
        """Never."""
        return False

    def restart(self) -> None:
        """What came so far is not recorded: it was paused."""
        self._reorder = Reorder()
        self.clock.forget()


class PictureTrack:
    """VP8, VP9 or AV1. After a loss it waits for a keyframe, so that nothing broken is recorded."""

    kind = "video"

    def __init__(self, added: AddTrack) -> None:
        self.stream = added.stream
        self.ssrc = added.ssrc
        self.clock = TrackClock(VIDEO_CLOCK)
        self.errors = 0
        self._codecs = {each.payload_type: each.name for each in added.codecs}
        self._assembler = FrameAssembler()
        self._given_up = 0
        self._orientation = added.orientation_extension
        self._rotation = 0
        self._needs_keyframe = True
        self._asked = -KEYFRAME_REQUEST_SECONDS

    @property
    def gaps(self) -> int:
        """Times that packets were given up."""
        return self._given_up + self._assembler.gaps

    @property
    def waits(self) -> bool:
        """Whether a packet or a keyframe is missing, so that time alone changes something."""
        return self._assembler.waits or self._needs_keyframe

    def push(self, packet: rtp.RtpPacket, now: float) -> None:
        """Takes in a packet; `now` in seconds of the recording."""
        if packet.payload_type in self._codecs:
            self._assembler.push(packet, now)
        else:
            self.errors += 1

    def units(self, now: float) -> Iterator[Unit]:
        """Pictures that can be shown."""
        for frame in self._assembler.frames(now):
            unit = self._unit(frame, now) if frame.payloads else None
            if unit is not None:
                yield unit

    def missing(self, now: float) -> list[int]:
        """Sequence numbers to ask for now."""
        return self._assembler.missing(now)

    def wants_keyframe(self, now: float, wanted: bool) -> bool:
        """Whether one is to be asked for now; `wanted`: what it is written into needs one."""
        if not (self._needs_keyframe or wanted) or now - self._asked < KEYFRAME_REQUEST_SECONDS:
            return False
        self._asked = now
        return True

    def restart(self) -> None:
        """What came so far is not recorded: it was paused."""
        self._given_up += self._assembler.gaps
        self._assembler = FrameAssembler()
        self._needs_keyframe = True
        self.clock.forget()

    def _unit(self, frame: Assembled, now: float) -> Unit | None:
        codec = self._codecs[frame.payload_type]
        # A picture that is turned goes on in another file, which begins with a keyframe.
        self._needs_keyframe = self._note_rotation(frame) or self._needs_keyframe or frame.after_gap
        at = self.clock.at(frame.timestamp, now)
        try:
            data = DEPACKETISE[codec](frame.payloads)
            keyframe = IS_KEYFRAME[codec](data)
        except rtp.MalformedPacketError:
            data, keyframe = b"", False
        size = _size(codec, data) if keyframe else None
        if not 0 < len(data) <= MAX_FRAME or (keyframe and size is None):
            self.errors += 1
            self._needs_keyframe = True
        elif size is not None:
            self._needs_keyframe = False
            return Unit(self.kind, codec, data, at, size=size, rotation=self._rotation)
        elif not self._needs_keyframe:
            return Unit(self.kind, codec, data, at, keyframe=False)
        return None

    def _note_rotation(self, frame: Assembled) -> bool:
        """Whether the picture is turned otherwise from this frame on."""
        if self._orientation is None:
            return False
        said = next((each for packet in frame.packets if (each := packet.extension(self._orientation))), None)
        before = self._rotation
        if said is not None:
            self._rotation = 90 * (said[0] & 3)
        return self._rotation != before


Track = SoundTrack | PictureTrack


def _size(codec: str, keyframe: bytes) -> tuple[int, int] | None:
    """Width and height of a keyframe, by its decoder; None if it cannot be decoded."""
    try:
        pictures = decoder(codec).decode(av.Packet(keyframe))
    except (av.error.FFmpegError, MemoryError):
        return None
    return (pictures[0].width, pictures[0].height) if pictures else None
