"""The process of one leg: packets in, transcoded packets out, and a word to the bridge once a second.

It owns two sockets: the control channel, whose end is its end, and a UDP socket that is connected to a `PlainTransport`
of the core. A decoder that hangs is ended by its own timer.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import statistics
import time
from typing import Protocol

import msgspec

from bridge.errors import BridgeError
from bridge.transcode import confinement, messages
from bridge.transcode.audio import AudioTranscoder
from bridge.transcode.composing import PictureComposer
from bridge.transcode.messages import (
    Compose,
    Failed,
    Mix,
    Pictures,
    Ready,
    Report,
    Start,
    StartRecording,
    Target,
    Voices,
)
from bridge.transcode.mixing import SoundMixer
from bridge.transcode.recorder import process as recorder
from bridge.transcode.rtp import MAX_DATAGRAM
from bridge.transcode.video import VideoTranscoder

REPORT_SECONDS = 1.0
HANG_SECONDS = 4.0
"""CPU time: a step that takes more ends the process (SIGPROF)."""
BATCH = 256
"""Datagrams that are read before they are worked on."""


class Transcoder(Protocol):
    """What runs inside a leg."""

    delays: list[float]

    @property
    def frames_in(self) -> int: ...  # noqa: D102
    @property
    def frames_out(self) -> int: ...  # noqa: D102
    @property
    def errors(self) -> int: ...  # noqa: D102
    @property
    def gaps(self) -> int: ...  # noqa: D102
    @property
    def octets(self) -> int: ...  # noqa: D102
    @property
    def sequence(self) -> int: ...  # noqa: D102
    @property
    def bitrate(self) -> int: ...  # noqa: D102
    @property
    def thin_sequence(self) -> int: ...  # noqa: D102
    @property
    def size(self) -> tuple[int, int]: ...  # noqa: D102
    def next_step(self, now: float) -> float: ...  # noqa: D102
    def set_bitrate(self, bitrate: int, thin: int, /) -> None: ...  # noqa: D102
    def handle(self, datagrams: list[bytes], now: float) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


def run(control: socket.socket, media: socket.socket, confined: tuple[str, ...] = ()) -> None:
    """Runs a leg until its control channel ends. `confined` is what its parent has given up for it."""
    signal.setitimer(signal.ITIMER_PROF, HANG_SECONDS)
    first = control.recv(messages.MAX_MESSAGE)
    if not first:
        return
    start = messages.command_decoder.decode(first)
    if isinstance(start, StartRecording):
        recorder.run(start, control, media, confined)
        return
    if not isinstance(start, Start | Compose | Mix):
        return
    try:
        transcoder = _transcoder(start, media)
    except BridgeError as error:
        control.send(messages.encode(Failed(error.code, str(error))))
        return
    given_up = [*confined]
    if confinement.give_up_capabilities():
        given_up.append("capabilities")
    if confinement.no_new_privileges():
        given_up.append("no_new_privileges")
        if confinement.leave_files():
            given_up.append("files")
    confinement.limit(start.limit_address_space)
    control.send(messages.encode(Ready(os.getpid(), tuple(given_up))))
    try:
        _loop(control, media, transcoder)
    finally:
        transcoder.close()


def _transcoder(start: Start | Compose | Mix, media: socket.socket) -> Transcoder:
    def send(datagram: bytes) -> None:
        try:
            media.send(datagram)
        except OSError:
            # The buffer is full, or the transport has just been closed: as on any network, the packet is lost.
            return

    match start:
        case Compose():
            return PictureComposer(start, send)
        case Mix():
            return SoundMixer(start, send)
        case Start():
            return VideoTranscoder(start, send) if start.kind == "video" else AudioTranscoder(start, send)


def _loop(control: socket.socket, media: socket.socket, transcoder: Transcoder) -> None:
    media.setblocking(False)
    control.setblocking(False)
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(media, select.POLLIN)
    reported = time.monotonic()
    while True:
        ready = poll.poll(1000 * transcoder.next_step(time.monotonic()))
        signal.setitimer(signal.ITIMER_PROF, HANG_SECONDS)
        if any(descriptor == control.fileno() for descriptor, _ in ready) and not _obey(control, transcoder):
            return
        now = time.monotonic()
        transcoder.handle(_read(media), now)
        if now - reported >= REPORT_SECONDS:
            reported = now
            if not _tell(control, transcoder):
                return


def _read(media: socket.socket) -> list[bytes]:
    datagrams: list[bytes] = []
    while len(datagrams) < BATCH:
        try:
            datagrams.append(media.recv(MAX_DATAGRAM))
        except BlockingIOError:
            break
        except OSError:
            # An ICMP error about an earlier packet: the transport is gone, and the control channel will say so.
            continue
    return datagrams


def _obey(control: socket.socket, transcoder: Transcoder) -> bool:
    """Carries out what the bridge says; False at the end."""
    try:
        data = control.recv(messages.MAX_MESSAGE)
    except BlockingIOError:
        return True
    except OSError:
        return False
    if not data:
        return False
    command = messages.command_decoder.decode(data)
    match command:
        case Target():
            transcoder.set_bitrate(command.bitrate, command.thin)
            if isinstance(transcoder, AudioTranscoder | SoundMixer):
                transcoder.set_loss(command.loss)
                transcoder.set_dtx(command.dtx)
        case Pictures() if isinstance(transcoder, PictureComposer):
            transcoder.follow(command)
        case Voices() if isinstance(transcoder, SoundMixer):
            transcoder.follow(command)
        case _:
            # A leg begins once, and has one kind of scene.
            pass
    return True


def _tell(control: socket.socket, transcoder: Transcoder) -> bool:
    """Reports; False where nobody is there any more."""
    delays, transcoder.delays = transcoder.delays, []
    report = Report(
        transcoder.frames_in,
        transcoder.frames_out,
        transcoder.errors,
        transcoder.gaps,
        transcoder.octets,
        time.process_time(),
        statistics.median(delays) if delays else 0.0,
        max(delays, default=0.0),
        transcoder.sequence,
        transcoder.bitrate,
        *transcoder.size,
        transcoder.thin_sequence,
        transcoder.sequences if isinstance(transcoder, SoundMixer) else {},
    )
    try:
        control.send(messages.encode(report))
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True


def main(control: socket.socket, media: socket.socket, confined: tuple[str, ...]) -> int:
    """What a forked process runs; its exit code."""
    confinement.name("bridge-leg")
    try:
        run(control, media, confined)
    except msgspec.MsgspecError:
        return 2
    except Exception:
        logging.getLogger(__name__).exception("A leg has failed")
        return 1
    return 0
