"""Has a process make an MP4 of a recording, and hands on what it writes, while the recording is read for it.

Nothing of the recording is looked into here, and nothing of it touches a disk.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import struct
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass

import msgspec

from bridge.transcode.recording.errors import RecordingError
from bridge.transcode.recording.mp4.messages import REFUSED, Refused
from bridge.transcode.supervisor import child_environment

STALL_SECONDS = 60.0
"""Without anything that the process takes or gives: then it is ended."""
_READ_BYTES = 1 << 16
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class RemuxLimits:
    """What the process may have."""

    memory: int = 2 << 30
    """Bytes of address space."""
    cpus: frozenset[int] | None = None
    """That it may run on; None for those that the bridge may."""


def as_mp4(webm: Callable[[], Iterable[bytes]], limits: RemuxLimits) -> Iterator[bytes]:
    """An MP4 whose index comes first, in parts; `webm` gives the recording from its beginning each time it is called.

    The first part comes when all of the recording was read once. The second time, no more is read than the first, so
    that a recording may grow. The process ends with the iterator. Raises `RecordingError`: what reading raises,
    `unsupported_codec`, `recording_damaged`, `export_failed`.
    """
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "bridge.transcode.recording.mp4.process", str(limits.memory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=child_environment(),
    )
    try:
        if limits.cpus is not None:
            with contextlib.suppress(OSError):
                os.sched_setaffinity(process.pid, limits.cpus)
        yield from _exchange(process, _twice(webm))
        _check(process)
    finally:
        process.kill()
        # What is left in the pipes is nobody's.
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        process.wait()


def _twice(webm: Callable[[], Iterable[bytes]]) -> Iterator[bytes]:
    """What the process reads (see there)."""
    count = 0
    for chunk in webm():
        count += 1
        yield _LENGTH.pack(len(chunk)) + chunk
    yield _LENGTH.pack(0)
    for chunk in itertools.islice(webm(), count):
        yield _LENGTH.pack(len(chunk)) + chunk
    yield _LENGTH.pack(0)


def _exchange(process: subprocess.Popen[bytes], parts: Iterator[bytes]) -> Generator[bytes]:
    """Feeds the process, and gives what it writes, until it ends that."""
    assert process.stdin is not None  # noqa: S101 - a pipe, as asked for
    assert process.stdout is not None  # noqa: S101 - a pipe, as asked for
    into, out = process.stdin.fileno(), process.stdout.fileno()
    os.set_blocking(into, False)
    poll = select.poll()
    poll.register(into, select.POLLOUT)
    poll.register(out, select.POLLIN)
    left = memoryview(b"")
    while ready := dict(poll.poll(1000 * STALL_SECONDS)):
        if out in ready:
            written = os.read(out, _READ_BYTES)
            if not written:
                return
            yield written
        if into in ready:
            left = left or memoryview(next(parts, b""))
            if not left or not (taken := _give(into, left)):
                poll.unregister(into)
            else:
                left = left[taken:]
    raise RecordingError("export_failed", f"The process that makes the MP4 has done nothing for {STALL_SECONDS:.0f} s.")


def _give(pipe: int, data: memoryview) -> int:
    """How many bytes it took; 0 where nobody reads any more, and the exit code will say why."""
    try:
        return os.write(pipe, data)
    except BrokenPipeError:
        return 0


def _check(process: subprocess.Popen[bytes]) -> None:
    assert process.stderr is not None  # noqa: S101 - a pipe, as asked for
    said = process.stderr.read()
    code = process.wait()
    if code == 0:
        return
    if code == REFUSED:
        with contextlib.suppress(msgspec.MsgspecError):
            refused = msgspec.json.decode(said, type=Refused)
            raise RecordingError(refused.code, refused.message, field=refused.field, hint=refused.hint)
    raise RecordingError(
        "export_failed",
        f"The process that makes the MP4 has ended with {code}.",
        hint="export it as webm; legs.memory bounds what the process may have",
    )
