"""The process that records: packets in, encrypted files out, through descriptors that the bridge hands it."""

from __future__ import annotations

import array
import contextlib
import os
import random
import select
import signal
import socket
import time

import msgspec

from bridge.transcode import confinement, messages, rtp
from bridge.transcode.messages import Failed, Ready, StartRecording
from bridge.transcode.recorder.clock import bring_in_step
from bridge.transcode.recorder.messages import (
    AddTrack,
    Finish,
    Finished,
    Pause,
    RecordingReport,
    RemoveTrack,
    Resume,
    StreamFile,
    WantFile,
    recorder_command_decoder,
)
from bridge.transcode.recorder.stream import RecordedStream
from bridge.transcode.recorder.tracks import PictureTrack, SoundTrack, Track
from bridge.transcode.recording import ChunkWriter, RecordingError

REPORT_SECONDS = 1.0
TICK_SECONDS = 0.02
"""How often time is looked at while a packet is missing."""
IDLE_SECONDS = 0.25
HANG_SECONDS = 4.0
"""CPU time: a step that takes more ends the process (SIGPROF)."""
BATCH = 512
"""Datagrams that are read before they are worked on."""
MAX_TRACKS = 512
OPEN_FILES = 600
MAX_FILE = 1 << 40
"""Bytes of a file at most."""


class Recorder:
    """The streams of a recording, in their process."""

    def __init__(self, start: StartRecording, control: socket.socket, media: socket.socket) -> None:
        self._start = start
        self._control = control
        self._media = media
        self._zero = start.zero
        self._paused = start.paused
        self._tracks: dict[int, Track] = {}
        self._streams: dict[str, RecordedStream] = {}
        self._ssrc = random.getrandbits(32)
        self._frames = 0
        self._errors_before = self._gaps_before = self._bytes_before = 0
        """Of tracks and streams that have ended, and of packets that are of none."""

    @property
    def waits(self) -> bool:
        """Whether something is to happen without any packet coming."""
        return not self._paused and any(
            track.waits or self._streams[track.stream].wants_keyframe for track in self._tracks.values()
        )

    def obey(self, data: bytes, descriptors: list[int]) -> bool:
        """Carries out a command; False if it was the last. Raises `RecordingError`, `msgspec.MsgspecError`."""
        command = recorder_command_decoder.decode(data)
        if isinstance(command, StreamFile) and descriptors:
            self._begin(command, descriptors.pop())
        for descriptor in descriptors:
            os.close(descriptor)
        match command:
            case AddTrack():
                if len(self._tracks) < MAX_TRACKS:
                    self._tracks[command.ssrc] = (SoundTrack if command.kind == "audio" else PictureTrack)(command)
                    self._streams.setdefault(command.stream, RecordedStream(command.stream, self._want_file))
            case RemoveTrack():
                self._remove(command.ssrc)
            case Pause():
                self._paused = True
                for stream in self._streams.values():
                    stream.pause()
            case Resume():
                self._zero, self._paused = command.zero, False
                for track in self._tracks.values():
                    track.restart()
            case Finish():
                return False
        return True

    def take(self, datagrams: list[bytes]) -> None:
        """Records what has come since the last time; may be nothing. Raises `RecordingError`."""
        if self._paused:
            return
        now = time.monotonic() - self._zero
        for datagram in datagrams:
            self._take(datagram, now)
        for track in self._tracks.values():
            for unit in track.units(now):
                self._frames += 1
                self._streams[track.stream].take(unit)
            missing = track.missing(now)
            if missing:
                self._send(rtp.write_nack(self._ssrc, track.ssrc, missing))
            if track.wants_keyframe(now, self._streams[track.stream].wants_keyframe):
                self._send(rtp.write_keyframe_request(self._ssrc, track.ssrc))
        for name, stream in self._streams.items():
            stream.work(now, frozenset(track.kind for track in self._tracks.values() if track.stream == name))

    def report(self) -> RecordingReport:
        """How it does."""
        return RecordingReport(
            sum(stream.is_written for stream in self._streams.values()),
            self._frames,
            self._bytes_before + sum(stream.bytes_written for stream in self._streams.values()),
            self._errors_before + sum(track.errors for track in self._tracks.values()),
            self._gaps_before + sum(track.gaps for track in self._tracks.values()),
            time.process_time(),
        )

    def end(self) -> None:
        """Writes what was recorded, and marks every file as complete, as far as there is room for it."""
        for stream in self._streams.values():
            with contextlib.suppress(RecordingError):
                stream.end()

    def _take(self, datagram: bytes, now: float) -> None:
        if rtp.is_rtcp(datagram):
            for each in rtp.parse_rtcp(datagram):
                track = self._tracks.get(each.ssrc)
                if isinstance(each, rtp.SenderReport) and track is not None:
                    track.clock.report(each.ntp, each.timestamp)
                    self._bring_in_step(track.stream)
            return
        try:
            packet = rtp.parse(datagram)
        except rtp.MalformedPacketError:
            self._errors_before += 1
            return
        # What is no track's any more was on its way while that was removed.
        if packet.ssrc in self._tracks:
            self._tracks[packet.ssrc].push(packet, now)

    def _bring_in_step(self, stream: str) -> None:
        of_stream = [track for track in self._tracks.values() if track.stream == stream]
        pictures = [track.clock for track in of_stream if track.kind == "video"]
        for sound in (track for track in of_stream if track.kind == "audio"):
            bring_in_step(sound.clock, pictures)

    def _remove(self, ssrc: int) -> None:
        track = self._tracks.pop(ssrc, None)
        if track is None:
            return
        self._errors_before += track.errors
        self._gaps_before += track.gaps
        if not any(each.stream == track.stream for each in self._tracks.values()):
            stream = self._streams.pop(track.stream)
            stream.end()
            self._bytes_before += stream.bytes_written

    def _want_file(self, stream: str, media_type: str, at: float) -> None:
        # Where the bridge is gone, the control channel's end is read next.
        with contextlib.suppress(OSError):
            self._control.send(messages.encode(WantFile(stream, media_type, at)))

    def _begin(self, file: StreamFile, descriptor: int) -> None:
        writer = ChunkWriter(descriptor, self._start.key, file.header, minimum_free=self._start.minimum_free)
        stream = self._streams.get(file.stream)
        if stream is None:
            # Its last track has ended meanwhile: the file stays empty.
            writer.close()
        else:
            stream.begin(writer, time.monotonic() - self._zero)

    def _send(self, datagram: bytes) -> None:
        # The transport may just have been closed; as on any network, the packet is lost.
        with contextlib.suppress(OSError):
            self._media.send(datagram)


def run(start: StartRecording, control: socket.socket, media: socket.socket, confined: tuple[str, ...]) -> None:
    """Records until it is told that it is over, or its control channel ends: then the bridge is gone."""
    recorder = Recorder(start, control, media)
    given_up = [*confined]
    if confinement.no_new_privileges():
        given_up.append("no_new_privileges")
        if confinement.leave_files():
            given_up.append("files")
    confinement.limit(start.limit_address_space, file_size=MAX_FILE, open_files=OPEN_FILES)
    control.send(messages.encode(Ready(os.getpid(), tuple(given_up))))
    try:
        _loop(recorder, control, media)
    except RecordingError as error:
        recorder.end()
        _say(control, Failed(error.code, str(error)))
    else:
        recorder.end()
        _say(control, Finished())


def _loop(recorder: Recorder, control: socket.socket, media: socket.socket) -> None:
    media.setblocking(False)
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(media, select.POLLIN)
    reported = time.monotonic()
    while True:
        ready = dict(poll.poll(1000 * (TICK_SECONDS if recorder.waits else IDLE_SECONDS)))
        signal.setitimer(signal.ITIMER_PROF, HANG_SECONDS)
        # Commands first: what has come and was not read when it is paused or over is not recorded.
        while control.fileno() in ready:
            data, descriptors = _hear(control)
            if data is None:
                break
            if not data or not recorder.obey(data, descriptors):
                return
        recorder.take(_read(media))
        now = time.monotonic()
        if now - reported >= REPORT_SECONDS:
            reported = now
            _say(control, recorder.report())


def _hear(control: socket.socket) -> tuple[bytes | None, list[int]]:
    """A command with what came beside it; None if there is none, and nothing at the end."""
    descriptors = array.array("i")
    try:
        # `socket.recv_fds` of Python 3.11 takes flags and does not hand them on.
        data, beside, _, _ = control.recvmsg(
            messages.MAX_MESSAGE, socket.CMSG_LEN(descriptors.itemsize), socket.MSG_DONTWAIT
        )
    except BlockingIOError:
        return None, []
    except OSError:
        return b"", []
    for level, kind, content in beside:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    return data, descriptors.tolist()


def _read(media: socket.socket) -> list[bytes]:
    datagrams: list[bytes] = []
    while len(datagrams) < BATCH:
        try:
            datagrams.append(media.recv(rtp.MAX_DATAGRAM))
        except BlockingIOError:
            break
        except OSError:
            # An ICMP error about an earlier packet: the transport is gone, and the control channel will say so.
            continue
    return datagrams


def _say(control: socket.socket, answer: msgspec.Struct) -> None:
    # A bridge that does not read, or is gone, changes nothing about what is recorded.
    with contextlib.suppress(OSError):
        control.send(messages.encode(answer), socket.MSG_DONTWAIT)
