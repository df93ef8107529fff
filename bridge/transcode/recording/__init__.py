"""Recordings: WebM that plays wherever it ends, encrypted at rest in chunks, each with a key of its own."""

from bridge.transcode.recording.chunks import ChunkReader, ChunkWriter, StreamHeader
from bridge.transcode.recording.errors import RecordingError
from bridge.transcode.recording.keys import KeyFile, KeyRing, new_key_line
from bridge.transcode.recording.model import RecordingInfo, State, StreamInfo
from bridge.transcode.recording.seekable import seekable
from bridge.transcode.recording.session import COMPOSED, Recording
from bridge.transcode.recording.store import CONTAINERS, WEBM, RecordingStore, StoreSettings
from bridge.transcode.recording.timeline import TimelineEvent, decode_events
from bridge.transcode.recording.webm import AudioTrack, VideoTrack, WebmWriter

__all__ = [
    "COMPOSED",
    "CONTAINERS",
    "WEBM",
    "AudioTrack",
    "ChunkReader",
    "ChunkWriter",
    "KeyFile",
    "KeyRing",
    "Recording",
    "RecordingError",
    "RecordingInfo",
    "RecordingStore",
    "State",
    "StoreSettings",
    "StreamHeader",
    "StreamInfo",
    "TimelineEvent",
    "VideoTrack",
    "WebmWriter",
    "decode_events",
    "new_key_line",
    "seekable",
]
