"""A recording while it is made: streams are opened, events noted, and in the end all of it is marked as complete."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from bridge.transcode.recording import timeline
from bridge.transcode.recording.chunks import ChunkWriter, StreamHeader
from bridge.transcode.recording.errors import RecordingError
from bridge.transcode.recording.timeline import TimelineEvent, encode_event

COMPOSED = "composed"
"""Name of the stream with everyone in it; a participant's own is named `track-` and a number."""
MAX_STREAMS = 4096
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


class Recording:
    """Made by `RecordingStore.create`. It is locked for as long as this object, or its process, lives."""

    def __init__(self, identity: str, folder: Path, key: bytes, lock: int, *, minimum_free: int) -> None:
        self.id = identity
        self.folder = folder
        self.key = key
        """The recording's own. A process that writes a stream needs it, and never the operator's."""
        self._lock = lock
        self.minimum_free = minimum_free
        """Bytes that have to be left on the file system."""
        self._streams: list[ChunkWriter] = []
        self._names: set[str] = set()
        self._ended = False
        try:
            self._timeline = self.open(timeline.STREAM, timeline.MEDIA_TYPE)
        except RecordingError:
            os.close(lock)
            raise

    def open(self, name: str, media_type: str) -> ChunkWriter:
        """A new stream, which this process writes. Raises `RecordingError`."""
        descriptor = self.descriptor(name)
        writer = ChunkWriter(descriptor, self.key, self.header(name, media_type), minimum_free=self.minimum_free)
        self._streams.append(writer)
        return writer

    def descriptor(self, name: str) -> int:
        """A file for a new stream, for a process that has no access to files: `ChunkWriter(descriptor, key, header)`.

        The caller closes it once that process has it. Raises `RecordingError`.
        """
        if self._ended:
            raise RecordingError("recording_ended", "The recording has ended.")
        if not _NAME.fullmatch(name) or name in self._names or len(self._names) >= MAX_STREAMS:
            raise RecordingError(
                "bad_stream_name",
                f"{name!r}: expected small letters, digits and -, 64 at most, and a name that is not taken.",
                field="name",
            )
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            descriptor = os.open(self.folder / f"{name}.stream", flags, 0o600)
        except OSError as error:
            raise RecordingError(
                "recording_unwritable", f"The recording cannot be written: {error.strerror}."
            ) from None
        self._names.add(name)
        return descriptor

    def header(self, name: str, media_type: str) -> StreamHeader:
        """The header of a stream of this recording."""
        return StreamHeader.new(self.id, name, media_type)

    def note(self, event: TimelineEvent) -> None:
        """Adds to the time line. Raises `RecordingError`."""
        self._timeline.write(encode_event(event))

    def finish(self) -> None:
        """Marks all streams that this process writes as complete, and lets go of the recording."""
        if self._ended:
            return
        self._ended = True
        for stream in self._streams:
            stream.close()
        os.close(self._lock)

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(RecordingError):
            self.finish()
