"""Standard output as it is: in another encoding, with a reader who has seen enough, or on a full disk."""

from __future__ import annotations

import contextlib
import io
import os
import sys

READER_GONE = 128 + 13
"""Exit code where the reader of a pipe is gone, such as `head`: as shells tell it of programs that SIGPIPE ended."""


def speak_utf8() -> None:
    """Whatever the locale says: what is written out is JSON, or has letters and arrows that few encodings have."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # File names that are none in UTF-8 come out as they are on the disk.
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")


def flush() -> None:
    """Writes out what waits, while there is somebody to tell of a failure. Raises `OSError`."""
    # It is none where the command was started without one.
    if sys.stdout is not None:
        sys.stdout.flush()


def give_up() -> None:
    """Has what cannot be written go nowhere. Python would try again at its end, and complain by a traceback."""
    with contextlib.suppress(OSError):
        flush()
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
