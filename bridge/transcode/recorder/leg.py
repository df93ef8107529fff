"""A leg that records, seen from the bridge: one process a recording, started again when it dies, with new files.

It is handed the recording's key and descriptors of files to write, never the operator's key and never a path.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from typing import Protocol

from bridge.transcode import messages
from bridge.transcode.leg_process import LegProcess
from bridge.transcode.messages import Failed, Ready, StartRecording
from bridge.transcode.recorder.messages import (
    AddTrack,
    Finish,
    Finished,
    Pause,
    RecorderCommand,
    RecordingReport,
    RemoveTrack,
    Resume,
    StreamFile,
    WantFile,
    recorder_answer_decoder,
)
from bridge.transcode.recording import Recording, RecordingError
from bridge.transcode.supervisor import LegSupervisor

logger = logging.getLogger(__name__)

MAX_PARTS = 50
"""Files of one stream: whoever turns a camera for ever is not to end the recording of the others."""
FINISH_SECONDS = 10.0
"""How long a process may take to write the rest."""


class RecorderListener(Protocol):
    """Who is told what becomes of a recording. Called on the event loop; must not block and not raise."""

    def on_stream(self, stream: str, name: str, at: float) -> None:
        """A file of a stream, of this name, begins `at` seconds of the recording."""

    def on_recorder_ended(self, code: str) -> None:
        """It ended for good by itself: `recording_no_space`, `recording_unwritable` or `leg_failed`, say."""


class RecorderLeg:
    """Made with a place in the budget of `LegSupervisor`; raises `BridgeError` (`legs_exhausted`) without."""

    codecs = ("rtp", "webm")
    """As metrics name it."""

    def __init__(
        self,
        supervisor: LegSupervisor,
        recording: Recording,
        media: socket.socket,
        listener: RecorderListener,
        zero: float,
    ) -> None:
        """`media` is connected to what sends the packets, and stays the caller's, open until `finish` or `stop`.

        `zero` is CLOCK_MONOTONIC at the recording's beginning.
        """
        self._supervisor = supervisor
        self._recording = recording
        self._listener = listener
        self._zero = zero
        self._paused = False
        self._tracks: dict[int, AddTrack] = {}
        self._parts: dict[str, int] = {}
        self._over = asyncio.Event()
        self._finishing = self._stopped = False
        self.report: RecordingReport | None = None
        """What it last told of itself."""
        supervisor.take_place(self)
        self._process = LegProcess(supervisor, self)
        self._process.start(media)

    @property
    def pid(self) -> int | None:
        """Of the process that serves it now."""
        return self._process.pid

    @property
    def restarts(self) -> int:
        """Processes that another one had to follow."""
        return self._process.restarts

    def add_track(self, track: AddTrack) -> None:
        """Records a track from now on."""
        self._tracks[track.ssrc] = track
        self._say(track)

    def remove_track(self, ssrc: int) -> None:
        """It has ended."""
        if self._tracks.pop(ssrc, None) is not None:
            self._say(RemoveTrack(ssrc))

    def pause(self) -> None:
        """Records nothing from now on."""
        self._paused = True
        self._say(Pause())

    def resume(self, zero: float) -> None:
        """Goes on; `zero` as at the beginning, moved by the time of the pause."""
        self._paused, self._zero = False, zero
        self._say(Resume(zero))

    async def finish(self) -> None:
        """Returns when all that was recorded is written and no process is left. Idempotent."""
        self._finishing = True
        if self._process.runs:
            self._say(Finish())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), FINISH_SECONDS)
        self.stop()

    def stop(self) -> None:
        """Ends it at once; the process writes what it has by itself. Idempotent."""
        if self._stopped:
            return
        self._stopped = True
        self._process.stop()
        self._over.set()
        self._supervisor.forget(self)

    # LegOwner

    def on_begun(self) -> None:
        """Tells the process what to record."""
        memory = self._supervisor.settings.memory
        free = self._recording.minimum_free
        self._say(StartRecording(self._recording.key, self._zero, self._paused, free, memory))
        for track in self._tracks.values():
            self._say(track)

    def on_said(self, data: bytes) -> None:
        """Takes in what the process says, and gives it what it asks for."""
        match recorder_answer_decoder.decode(data):
            case Ready() as answer:
                self._process.pid = answer.pid
                logger.info("a recording's leg runs", extra={"confined": list(answer.confined)})
            case WantFile() as want:
                self._give_file(want)
            case RecordingReport() as report:
                self.report = report
            case Failed() as answer:
                self.on_given_up(answer.code)
            case Finished():
                self._over.set()

    def on_process_ended(self) -> bool:
        """Its successor writes new files; none is needed when all was to be brought to its end."""
        if self._finishing:
            self._over.set()
        return not self._finishing

    def on_given_up(self, code: str) -> None:
        """Ends for good by itself."""
        self._supervisor.failures += 1
        self.stop()
        self._listener.on_recorder_ended(code)

    def _say(self, command: RecorderCommand | StartRecording, *descriptors: int) -> None:
        self._process.say(messages.encode(command), *descriptors)

    def _give_file(self, want: WantFile) -> None:
        if want.stream not in {track.stream for track in self._tracks.values()}:
            return
        part = self._parts[want.stream] = self._parts.get(want.stream, 0) + 1
        if part > MAX_PARTS:
            logger.warning("a stream of a recording goes on in too many files, and is recorded no further")
            return
        name = want.stream if part == 1 else f"{want.stream}-part-{part}"
        try:
            descriptor = self._recording.descriptor(name)
        except RecordingError as error:
            self.on_given_up(error.code)
            return
        try:
            self._say(StreamFile(want.stream, self._recording.header(name, want.media_type)), descriptor)
        finally:
            os.close(descriptor)
        self._listener.on_stream(want.stream, name, want.at)
