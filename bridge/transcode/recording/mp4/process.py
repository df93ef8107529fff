"""The process that makes an MP4 of a recording: WebM on its standard input, twice, MP4 on its standard output.

Each time, the WebM comes in parts, four bytes of length (big-endian) before each, and a length of 0 behind the last.
What cannot be done stands on its standard error, as `Refused` in JSON, and its exit code is 2.
"""

from __future__ import annotations

import io
import os
import signal
import struct
import sys
from collections.abc import Callable
from typing import BinaryIO

import av
import av.error
import av.logging

# What PyAV imports with the first file that is opened, when no file of its own can be read any more.
import av.subtitles.stream
import msgspec

from bridge.errors import BridgeError
from bridge.transcode import confinement
from bridge.transcode.recording.mp4.front import Front
from bridge.transcode.recording.mp4.messages import REFUSED, Refused

HANG_SECONDS = 4
"""CPU time: a packet that takes more ends the process (SIGPROF)."""
CODECS = ("vp9", "av1", "opus")
"""Of recordings, those that browsers play in an MP4, by their names in FFmpeg."""
PROBE_BYTES = 1 << 20
"""Of the recording, in which all that its head does not say has to be found."""
_LENGTH = struct.Struct(">I")


class _Parts(io.RawIOBase):
    """One reading of the recording, as a file that cannot be sought in."""

    def __init__(self, pipe: BinaryIO) -> None:
        super().__init__()
        self._pipe = pipe
        self._left = 0
        self._over = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if self._left == 0 and not self._over:
            self._left = _LENGTH.unpack(self._whole(_LENGTH.size))[0]
            self._over = self._left == 0
        data = self._whole(min(self._left, size))
        self._left -= len(data)
        return data

    def rest(self) -> None:
        """Passes over what FFmpeg had no use for."""
        while not self._over:
            self.read(1 << 16)

    def _whole(self, size: int) -> bytes:
        data = self._pipe.read(size)
        if len(data) < size:
            raise EOFError("the recording ended in the middle")
        return data


def remux(parts: _Parts, front: Front) -> None:
    """Moves all packets over. Raises `BridgeError` (`unsupported_codec`), `FFmpegError`, `ValueError`."""
    # Each packet is handed over as it comes: see `Front`.
    with (
        av.open(parts, "r", format="matroska", options={"probesize": str(PROBE_BYTES)}) as recording,
        av.open(front, "w", format="mp4", options={"flush_packets": "1"}) as made,
    ):
        streams: dict[int, av.stream.Stream] = {}
        before: dict[int, int] = {}
        for stream in recording.streams:
            _check(stream.codec_context.codec.canonical_name if stream.codec_context is not None else "")
            streams[stream.index] = made.add_stream_from_template(stream, opaque=True)
        made.start_encoding()
        front.head_is_whole()
        for packet in recording.demux():
            signal.setitimer(signal.ITIMER_PROF, HANG_SECONDS)
            # The last of each stream, with which decoders are emptied, is none.
            if packet.size and packet.pts is not None:
                number = packet.stream.index
                # Two of a stream may have come within one millisecond, which an MP4 does not take.
                if number in before and packet.pts <= before[number]:
                    packet.pts = packet.dts = before[number] + 1
                # Of the last one nothing follows that says how long it is, and one of no length is not shown.
                packet.duration = packet.duration or max(packet.pts - before.get(number, packet.pts), 1)
                before[number] = packet.pts
                packet.stream = streams[number]
                made.mux(packet)
    parts.rest()


def _check(codec: str) -> None:
    if codec in CODECS:
        return
    if codec == "vp8":
        raise BridgeError(
            "unsupported_codec",
            "The picture is VP8, which no browser plays in an MP4.",
            field="format",
            hint='export it as webm; with recordings.composed_codec = "vp9", composed pictures can be exported as mp4',
        )
    raise BridgeError(
        "unsupported_codec", f"{codec or 'One of its codecs'} cannot be put into an MP4.", field="format", hint="webm"
    )


def run(pipe: BinaryIO, write: Callable[[bytes], object]) -> None:
    """Both times. Raises as `remux`, and `EOFError` where the recording ends in between."""
    first = Front()
    remux(_Parts(pipe), first)
    write(first.begin())
    second = Front(write)
    remux(_Parts(pipe), second)
    if (second.media_ends, second.begin()) != (first.media_ends, first.begin()):
        raise ValueError("the recording was another one the second time")


def main() -> int:
    """What the process does; its exit code."""
    signal.setitimer(signal.ITIMER_PROF, HANG_SECONDS)
    confinement.name("bridge-mp4")
    av.logging.set_level(av.logging.PANIC)
    os.nice(confinement.NICE)
    confinement.give_up_capabilities()
    confinement.leave_network()
    if confinement.no_new_privileges():
        confinement.leave_files()
    confinement.limit(int(sys.argv[1]))
    try:
        run(sys.stdin.buffer, _write)
    except BridgeError as error:
        refused = Refused(error.code, error.message, error.field, error.hint)
    except (av.error.FFmpegError, ValueError) as error:
        refused = Refused("recording_damaged", f"An MP4 cannot be made of it: {error}.")
    except (EOFError, BrokenPipeError):
        # Nobody wants it any more.
        return 1
    else:
        return 0
    sys.stderr.buffer.write(msgspec.json.encode(refused))
    return REFUSED


def _write(data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(sys.stdout.fileno(), left) :]


if __name__ == "__main__":
    sys.exit(main())
