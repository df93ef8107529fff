"""What is said over the control channel of a leg that records, after `StartRecording`: one JSON object a datagram.

A `StreamFile` carries the descriptor of the file beside it (SCM_RIGHTS): the process itself opens none.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from bridge.transcode.messages import CodecSpec, Failed, Ready
from bridge.transcode.recording import StreamHeader


class AddTrack(msgspec.Struct, frozen=True, tag="add_track"):
    """A track is to be recorded."""

    stream: str
    """Which picture and sound belong together."""
    kind: Literal["video", "audio"]
    ssrc: int
    codecs: tuple[CodecSpec, ...]
    """What may come; the payload type tells which."""
    orientation_extension: int | None = None
    """Id of the video orientation extension (3GPP TS 26.114): how the picture is turned."""


class RemoveTrack(msgspec.Struct, frozen=True, tag="remove_track"):
    """A track has ended. A stream ends with its last one."""

    ssrc: int


class StreamFile(msgspec.Struct, frozen=True, tag="stream_file"):
    """The file that was asked for."""

    stream: str
    header: StreamHeader


class Pause(msgspec.Struct, frozen=True, tag="pause"):
    """Nothing that comes from now on is recorded; what was recorded is written at once."""


class Resume(msgspec.Struct, frozen=True, tag="resume"):
    """It goes on."""

    zero: float
    """CLOCK_MONOTONIC at the recording's beginning, moved by how long it was paused."""


class Finish(msgspec.Struct, frozen=True, tag="finish"):
    """It is over: what was recorded is written and marked as complete."""


class WantFile(msgspec.Struct, frozen=True, tag="want_file"):
    """A stream has begun, or cannot go on in the same file."""

    stream: str
    media_type: str
    at: float
    """Where its time stamps begin, in seconds of the recording."""


class RecordingReport(msgspec.Struct, frozen=True, tag="recording_report"):
    """How it does, once a second. Counters since the start of the process."""

    streams: int
    """That are written now."""
    frames: int
    """Pictures and packets of sound that were recorded."""
    bytes_out: int
    errors: int
    """Packets and pictures that made no sense."""
    gaps: int
    """Times that packets were given up."""
    cpu_seconds: float


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """All is written."""


RecorderCommand = AddTrack | RemoveTrack | StreamFile | Pause | Resume | Finish
RecorderAnswer = Ready | Failed | WantFile | RecordingReport | Finished

recorder_command_decoder = msgspec.json.Decoder(RecorderCommand)
recorder_answer_decoder = msgspec.json.Decoder(RecorderAnswer)
