"""A leg that records, seen from the bridge: one process a recording, started again when it dies, with new files.

It is handed the recording's key and descriptors of files to write, never the operator's key and never a path.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections import deque
from typing import Protocol

import msgspec

from bridge.transcode import messages
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
from bridge.transcode.supervisor import MAX_RESTARTS, RESTART_SECONDS, RESTART_WINDOW, LegSupervisor

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
        self._media = media
        self._listener = listener
        self._zero = zero
        self._paused = False
        self._tracks: dict[int, AddTrack] = {}
        self._parts: dict[str, int] = {}
        self._control: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ends: deque[float] = deque(maxlen=MAX_RESTARTS)
        self._over = asyncio.Event()
        self._finishing = self._stopped = False
        self.pid: int | None = None
        """Of the process that serves it now."""
        self.restarts = 0
        self.report: RecordingReport | None = None
        """What it last told of itself."""
        supervisor.take_place(self)
        self._begin()

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
        if self._control is not None:
            self._say(Finish())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), FINISH_SECONDS)
        self.stop()

    def stop(self) -> None:
        """Ends it at once; the process writes what it has by itself. Idempotent."""
        if self._stopped:
            return
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        self._hang_up()
        self._over.set()
        self._supervisor.forget(self)

    def _begin(self) -> None:
        self._timer = None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            if not self._supervisor.fork(theirs, self._media):
                ours.close()
                self._begin_later()
                return
        ours.setblocking(False)
        self._control = ours
        asyncio.get_running_loop().add_reader(ours, self._hear)
        memory = self._supervisor.settings.memory
        free = self._recording.minimum_free
        self._say(StartRecording(self._recording.key, self._zero, self._paused, free, memory))
        for track in self._tracks.values():
            self._say(track)

    def _begin_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(RESTART_SECONDS, self._begin)

    def _say(self, command: RecorderCommand | StartRecording, descriptor: int | None = None) -> None:
        if self._control is None:
            return
        # A process that does not read is about to be ended by its own timer.
        with contextlib.suppress(OSError):
            descriptors = [] if descriptor is None else [descriptor]
            socket.send_fds(self._control, [messages.encode(command)], descriptors)

    def _hear(self) -> None:
        if self._control is None:
            return
        try:
            data = self._control.recv(messages.MAX_MESSAGE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        try:
            answer = recorder_answer_decoder.decode(data) if data else None
        except msgspec.MsgspecError:
            # What has been taken over by what it is sent is not to be listened to.
            self._kill()
            answer = None
        match answer:
            case None:
                self._ended()
            case Ready():
                self.pid = answer.pid
                logger.info("a recording's leg runs", extra={"confined": list(answer.confined)})
            case WantFile():
                self._give_file(answer)
            case RecordingReport():
                self.report = answer
            case Failed():
                self._give_up(answer.code)
            case Finished():
                self._over.set()

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
            self._give_up(error.code)
            return
        try:
            self._say(StreamFile(want.stream, self._recording.header(name, want.media_type)), descriptor)
        finally:
            os.close(descriptor)
        self._listener.on_stream(want.stream, name, want.at)

    def _ended(self) -> None:
        """The process is gone, or to be taken for gone."""
        self._hang_up()
        if self._finishing:
            self._over.set()
            return
        now = asyncio.get_running_loop().time()
        if len(self._ends) == MAX_RESTARTS and now - self._ends[0] < RESTART_WINDOW:
            self._give_up("leg_failed")
            return
        self._ends.append(now)
        self.restarts += 1
        self._supervisor.restarts += 1
        logger.warning("a recording's leg has ended and is started again")
        self._begin_later()

    def _give_up(self, code: str) -> None:
        self._supervisor.failures += 1
        self.stop()
        self._listener.on_recorder_ended(code)

    def _hang_up(self) -> None:
        if self._control is None:
            return
        asyncio.get_running_loop().remove_reader(self._control)
        self._control.close()
        self._control = None
        self.pid = None

    def _kill(self) -> None:
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
