"""The process that legs are forked from: everything is imported once, so a leg starts in milliseconds.

`python -m bridge.transcode.launcher FD` reads requests from a SOCK_SEQPACKET socket: each is one byte with two file
descriptors, the control channel and the media socket of a new leg. It ends with that socket, and its legs end with
their own control channels.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys

import av.logging

from bridge.transcode import child, confinement, libopus, libvpx, openh264
from bridge.transcode.compose import Compositor, LayoutSettings, Source
from bridge.transcode.errors import CodecUnavailableError

_DESCRIPTORS = 2


def serve(requests: socket.socket) -> None:
    """Forks a leg for each request."""
    os.nice(confinement.NICE)
    confinement.name("bridge-legs")
    confined = ("network",) if confinement.leave_network() else ()
    # Children are not waited for: what becomes of one is seen by the end of its control channel.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # The bridge ends us, after legs have brought their files to an end. What a terminal says to all that run in it, or
    # systemd to all of a unit, is for the bridge alone.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    av.logging.set_level(av.logging.PANIC)
    # SVT-AV1 has a log of its own, in which every encoder that is ended stands as an error.
    os.environ["SVT_LOG"] = "0"
    # What Pillow imports and opens with the first letter, a leg could not any more.
    Compositor(LayoutSettings()).compose(0.0, [Source("", "Å", muted=True)])
    # A leg would take longer to load them than for the rest of its start, or could not any more. Who lacks the first is
    # told so by the leg; in place of the others there is FFmpeg.
    for load in (openh264.library, libopus.library, libvpx.library):
        with contextlib.suppress(CodecUnavailableError):
            load()
    gc.freeze()
    while True:
        data, descriptors, _, _ = socket.recv_fds(requests, 1, _DESCRIPTORS)
        if not data:
            return
        if len(descriptors) == _DESCRIPTORS:
            _fork(requests, descriptors, confined)
        for descriptor in descriptors:
            os.close(descriptor)


def _fork(requests: socket.socket, descriptors: list[int], confined: tuple[str, ...]) -> None:
    try:
        pid = os.fork()
    except OSError:
        return  # The bridge sees the control channel end, and tries again.
    if pid:
        return
    code = 1
    try:
        requests.close()
        control, media = (socket.socket(fileno=descriptor) for descriptor in descriptors)
        code = child.main(control, media, confined)
    finally:
        # Nothing of what the launcher would do at its end is this process's to do.
        os._exit(code)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        serve(channel)
