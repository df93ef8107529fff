"""A picture and its sound on their way into files. A file is begun when it is known what it will hold.

WebM says in its head what is in it. So a stream goes on in another file when a camera or a sound joins what was alone,
when another codec comes, or a picture of another shape. A file with pictures goes on for as long as it takes until the
next one can begin with a keyframe, so that none is left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from bridge.transcode.recorder.tracks import Unit
from bridge.transcode.recording import AudioTrack, ChunkWriter, VideoTrack, WebmWriter

WAIT_SECONDS = 0.7
"""How long a sound that has come waits for the picture that is expected with it, before a file is begun without."""
FLUSH_SECONDS = 1.0
"""What was recorded is written after so long, whatever else comes."""
KEYFRAME_SECONDS = 2.0
"""How long a sound that joins a picture waits for the keyframe with which another file can begin."""
MAX_HELD = 4000
MAX_HELD_BYTES = 8 << 20
"""Units, and bytes of them, that are held while there is no file. Older ones are let go."""
SAME_SHAPE = 0.02
"""Part by which the proportions of two pictures may differ in one file."""


class RecordedStream:
    """One of a recording's streams."""

    def __init__(self, name: str, want_file: Callable[[str, str, float], None]) -> None:
        """`want_file(stream, media_type, at)` asks for a file; `begin` is called when it is there."""
        self.name = name
        self._want_file = want_file
        self._held: deque[Unit] = deque()
        self._held_bytes = 0
        self._asked = False
        self._writer: ChunkWriter | None = None
        self._webm: WebmWriter | None = None
        self._zero = 0.0
        self._codec: str | None = None
        self._shape = 0.0
        self._rotation = 0
        self._has_sound = False
        self._written = 0.0
        self.bytes_before = 0
        """In files that were ended."""

    @property
    def is_written(self) -> bool:
        """Whether there is a file."""
        return self._writer is not None

    @property
    def bytes_written(self) -> int:
        """In all files."""
        return self.bytes_before + (self._writer.bytes_written if self._writer is not None else 0)

    @property
    def wants_keyframe(self) -> bool:
        """Whether a sound waits for one."""
        return self._webm is not None and bool(self._held)

    def take(self, unit: Unit) -> None:
        """Records something. Raises `RecordingError`."""
        if self._webm is not None and not self._fits(unit):
            if unit.kind == "audio" and self._codec is not None:
                self._hold(unit)
                return
            self._end_file()
        if self._webm is not None:
            self._put(unit)
        else:
            self._hold(unit)

    def work(self, now: float, expected: frozenset[str]) -> None:
        """What time brings about: a file is asked for, or what was recorded is written. Raises `RecordingError`.

        `expected` are the kinds of tracks that the stream has; `now` in seconds of the recording.
        """
        if self._webm is not None:
            if self._held and now - self._held[0].at >= KEYFRAME_SECONDS:
                self._end_file()
            elif now - self._written >= FLUSH_SECONDS:
                self._written = now
                self._webm.flush()
        elif self._held and not self._asked:
            kinds = {unit.kind for unit in self._held}
            if kinds >= expected or now - self._held[0].at >= WAIT_SECONDS:
                self._asked = True
                media_type = "video/webm" if "video" in kinds else "audio/webm"
                self._want_file(self.name, media_type, min(unit.at for unit in self._held))

    def begin(self, writer: ChunkWriter, now: float) -> None:
        """The file that was asked for. Raises `RecordingError`."""
        held, self._held, self._held_bytes = list(self._held), deque(), 0
        self._asked = False
        self._writer = writer
        # Of pictures without theirs there is nothing to show, and no size: another file begins with the next one.
        picture = next((unit for unit in held if unit.kind == "video" and unit.keyframe), None)
        self._has_sound = any(unit.kind == "audio" for unit in held)
        self._codec = picture.codec if picture is not None else None
        self._shape = picture.size[0] / picture.size[1] if picture is not None else 0.0
        self._rotation = picture.rotation if picture is not None else 0
        self._zero = min((unit.at for unit in held), default=now)
        self._webm = WebmWriter(
            self._sink,
            video=VideoTrack(picture.codec, *picture.size, picture.rotation) if picture is not None else None,
            audio=AudioTrack(2) if self._has_sound else None,
        )
        self._written = now
        for unit in held:
            self.take(unit)

    def pause(self) -> None:
        """Writes what was recorded. Raises `RecordingError`."""
        if self._webm is not None:
            self._webm.flush()

    def end(self) -> None:
        """Writes what was recorded, and marks the file as complete. Raises `RecordingError`."""
        self._end_file()

    def _sink(self, data: bytes) -> None:
        assert self._writer is not None  # noqa: S101 - there is a file for as long as there is a muxer
        self._writer.write(data)

    def _hold(self, unit: Unit) -> None:
        self._held.append(unit)
        self._held_bytes += len(unit.data)
        while len(self._held) > MAX_HELD or self._held_bytes > MAX_HELD_BYTES:
            self._held_bytes -= len(self._held.popleft().data)

    def _fits(self, unit: Unit) -> bool:
        if unit.kind == "audio":
            return self._has_sound
        if not unit.keyframe:
            # Of a picture whose keyframe was left out because it did not fit, there is nothing to show.
            return True
        if self._held:
            # Sound waits for this one.
            return False
        shape = unit.size[0] / unit.size[1]
        same = (unit.codec, unit.rotation) == (self._codec, self._rotation)
        return same and abs(shape - self._shape) <= SAME_SHAPE * shape

    def _put(self, unit: Unit) -> None:
        assert self._webm is not None  # noqa: S101 - asked by the caller
        at = unit.at - self._zero
        if unit.kind == "audio":
            self._webm.audio(unit.data, at)
        elif unit.codec == self._codec:
            self._webm.video(unit.data, at, keyframe=unit.keyframe)

    def _end_file(self) -> None:
        webm, writer, self._webm = self._webm, self._writer, None
        if webm is None or writer is None:
            return
        try:
            webm.flush()
        finally:
            self._writer = None
            writer.close()
            self.bytes_before += writer.bytes_written
