"""Writes WebM (VP8, VP9 or AV1 and Opus) that can be played while it is written and wherever it ends.

What it gives out is cut where a player can begin to wait: the head, then a cluster of a second at most each time.
FFmpeg's muxer would do the same job, but PyAV can give no head (`CodecPrivate`) to a stream that it does not encode
itself, and says nothing of where clusters end. The format is that of RFC 9559 and of the WebM container guidelines.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from bridge.transcode.recording import ebml
from bridge.transcode.recording.errors import RecordingError

VIDEO_TRACK, AUDIO_TRACK = 1, 2
"""Numbers of the tracks."""
VIDEO_CODECS = {"vp8": "V_VP8", "vp9": "V_VP9", "av1": "V_AV1"}
CLUSTER_MS = 1000
"""Milliseconds of a cluster at most: what a crash costs."""
KEYFRAME_MS = 500
"""A keyframe begins a new cluster once the current one is so long: players seek to clusters that begin with one."""
OPUS_PRE_SKIP = 312
"""Samples at 48 kHz by which libopus delays (RFC 7845, section 4.2)."""

SEGMENT = bytes.fromhex("18538067")
INFO = bytes.fromhex("1549a966")
TRACKS = bytes.fromhex("1654ae6b")
CLUSTER = bytes.fromhex("1f43b675")
TIMESTAMP = b"\xe7"
SIMPLE_BLOCK = b"\xa3"
_MILLISECOND = 1_000_000
_MAX_BLOCKS = 4096


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """A picture: its codec ("vp8", "vp9", "av1") and the size that it has."""

    codec: str
    width: int
    height: int
    rotation: int = 0
    """Degrees clockwise that it is to be turned by before it is shown: 0, 90, 180 or 270."""


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """A sound in Opus."""

    channels: int = 1


@dataclass(frozen=True, slots=True)
class _Block:
    timestamp: int
    track: int
    keyframe: bool
    data: bytes

    def encode(self, cluster: int) -> bytes:
        return encode_block(self.track, self.timestamp - cluster, self.data, keyframe=self.keyframe)


class WebmWriter:
    """Muxes packets; `sink` is given the head, then whole clusters."""

    def __init__(
        self, sink: Callable[[bytes], None], *, video: VideoTrack | None = None, audio: AudioTrack | None = None
    ) -> None:
        """Writes the head. Raises `RecordingError` (`unsupported_codec`)."""
        if video is not None and video.codec not in VIDEO_CODECS:
            raise RecordingError(
                "unsupported_codec",
                f"{video.codec} cannot be recorded.",
                field="video.codec",
                hint=f"possible are: {', '.join(VIDEO_CODECS)}",
            )
        self._sink = sink
        self._video = video
        self._blocks: list[_Block] = []
        self._latest: dict[int, int] = {}
        self._waiting_for_keyframe = True
        entries = [_video_entry(video)] if video is not None else []
        entries += [_audio_entry(audio)] if audio is not None else []
        sink(live_head() + info(None) + ebml.element(TRACKS, *entries))

    def video(self, data: bytes, timestamp: float, *, keyframe: bool) -> None:
        """A coded picture; `timestamp` in seconds from the beginning. What precedes the first keyframe is left out."""
        if self._waiting_for_keyframe and not keyframe:
            return
        self._waiting_for_keyframe = False
        if keyframe and self._length(_ms(timestamp)) >= KEYFRAME_MS:
            self.flush()
        self._add(_Block(self._after(VIDEO_TRACK, timestamp), VIDEO_TRACK, keyframe, data))

    def audio(self, data: bytes, timestamp: float) -> None:
        """A packet of Opus; `timestamp` in seconds from the beginning."""
        self._add(_Block(self._after(AUDIO_TRACK, timestamp), AUDIO_TRACK, True, data))

    def flush(self) -> None:
        """Gives out what is held. To be called once a second where packets may stop coming, and at the end."""
        if not self._blocks:
            return
        # Players take no block from before its cluster, and sound comes a little earlier or later than the picture.
        blocks = sorted(self._blocks, key=lambda block: block.timestamp)
        self._blocks = []
        begin = blocks[0].timestamp
        self._sink(ebml.element(CLUSTER, ebml.unsigned(TIMESTAMP, begin), *(block.encode(begin) for block in blocks)))

    def _add(self, block: _Block) -> None:
        if self._length(block.timestamp) >= CLUSTER_MS or len(self._blocks) >= _MAX_BLOCKS:
            self.flush()
        self._blocks.append(block)

    def _length(self, until: int) -> int:
        """Milliseconds from the first block that is held, forwards or (for a clock that was set back) backwards."""
        return abs(until - self._blocks[0].timestamp) if self._blocks else 0

    def _after(self, track: int, timestamp: float) -> int:
        """Milliseconds that are never before the track's last block, whatever a source's clock does."""
        at = max(_ms(timestamp), self._latest.get(track, 0))
        self._latest[track] = at
        return at


def encode_block(track: int, offset: int, data: bytes, *, keyframe: bool) -> bytes:
    """A packet `offset` milliseconds from the time of its cluster."""
    head = struct.pack(">BhB", 0x80 | track, offset, 0x80 if keyframe else 0)
    return ebml.element(SIMPLE_BLOCK, head, data)


def _ms(timestamp: float) -> int:
    return max(round(timestamp * 1000), 0)


def file_head() -> bytes:
    """The EBML header of a WebM file."""
    return ebml.element(
        bytes.fromhex("1a45dfa3"),
        ebml.unsigned(b"\x42\x86", 1),
        ebml.unsigned(b"\x42\xf7", 1),
        ebml.unsigned(b"\x42\xf2", 4),
        ebml.unsigned(b"\x42\xf3", 8),
        ebml.text(b"\x42\x82", "webm"),
        ebml.unsigned(b"\x42\x87", 4),
        ebml.unsigned(b"\x42\x85", 2),
    )


def live_head() -> bytes:
    """That, and the beginning of what is as long as it gets."""
    return file_head() + SEGMENT + ebml.UNKNOWN_SIZE


def info(duration_ms: int | None) -> bytes:
    """The Info element; without a duration for what is still being written."""
    duration = ebml.real(b"\x44\x89", float(duration_ms)) if duration_ms is not None else b""
    scale = ebml.unsigned(bytes.fromhex("2ad7b1"), _MILLISECOND)
    return ebml.element(INFO, scale, duration, ebml.text(b"\x4d\x80", "bridge"), ebml.text(b"\x57\x41", "bridge"))


def _video_entry(track: VideoTrack) -> bytes:
    return ebml.element(
        b"\xae",
        ebml.unsigned(b"\xd7", VIDEO_TRACK),
        ebml.unsigned(b"\x73\xc5", VIDEO_TRACK),
        ebml.unsigned(b"\x83", 1),
        ebml.unsigned(b"\x9c", 0),
        ebml.text(b"\x86", VIDEO_CODECS[track.codec]),
        ebml.element(
            b"\xe0", ebml.unsigned(b"\xb0", track.width), ebml.unsigned(b"\xba", track.height), _projection(track)
        ),
    )


def _projection(track: VideoTrack) -> bytes:
    """How the picture is turned (RFC 9559, section 5.1.4.1.28.41): the roll is counter-clockwise."""
    if track.rotation == 0:
        return b""
    roll = -track.rotation if track.rotation <= 180 else 360 - track.rotation
    return ebml.element(b"\x76\x70", ebml.unsigned(b"\x76\x71", 0), ebml.real(b"\x76\x75", float(roll)))


def _audio_entry(track: AudioTrack) -> bytes:
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, track.channels, OPUS_PRE_SKIP, 48_000, 0, 0)
    return ebml.element(
        b"\xae",
        ebml.unsigned(b"\xd7", AUDIO_TRACK),
        ebml.unsigned(b"\x73\xc5", AUDIO_TRACK),
        ebml.unsigned(b"\x83", 2),
        ebml.unsigned(b"\x9c", 0),
        ebml.text(b"\x86", "A_OPUS"),
        ebml.element(b"\x63\xa2", head),
        ebml.unsigned(b"\x56\xaa", OPUS_PRE_SKIP * 1_000_000_000 // 48_000),
        ebml.unsigned(b"\x56\xbb", 80_000_000),
        ebml.element(b"\xe1", ebml.real(b"\xb5", 48_000.0), ebml.unsigned(b"\x9f", track.channels)),
    )
