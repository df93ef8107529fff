"""A timer that is right to a fraction of a millisecond, which the event loops' own are not.

`epoll` and libuv count in whole milliseconds and round up. A timerfd of the kernel counts in nanoseconds, and tells the
loop as any other file does. Where there is none (it is Linux's own), the loop's timer has to do.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import sys
import time
from collections.abc import Callable

_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1
_NON_BLOCKING_AND_CLOSE_ON_EXEC = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _TimerSetting(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("at", _Timespec))


def now() -> float:
    """The clock of every timer, in seconds: not the loop's, which stands still while callbacks run."""
    return time.monotonic()


class Timer:
    """Calls `ring` once after each time that `set` names; needs a running loop."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._loop = asyncio.get_running_loop()
        self._at: float | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._file = -1
        if sys.platform == "linux":
            self._file = self._libc.timerfd_create(_CLOCK_MONOTONIC, _NON_BLOCKING_AND_CLOSE_ON_EXEC)
            if self._file < 0:
                raise OSError(ctypes.get_errno(), "no timer to be had")
            self._loop.add_reader(self._file, self._expired)

    def set(self, at: float | None) -> None:
        """Rings at `at` on the clock of `now`, at once if that has passed; None for not at all."""
        if at == self._at:
            return
        self._at = at
        if self._file >= 0:
            # A time of zero would disarm the timer: what has passed becomes the first nanosecond.
            nanoseconds = 0 if at is None else max(1, int(at * 1e9))
            setting = _TimerSetting(_Timespec(0, 0), _Timespec(*divmod(nanoseconds, 1_000_000_000)))
            if self._libc.timerfd_settime(self._file, _ABSOLUTE, ctypes.byref(setting), None) != 0:
                raise OSError(ctypes.get_errno(), "the timer cannot be set")
            return
        if self._handle is not None:
            self._handle.cancel()
        self._handle = None if at is None else self._loop.call_later(max(0.0, at - now()), self._expired)

    def close(self) -> None:
        """Rings no more."""
        if self._file >= 0:
            self._loop.remove_reader(self._file)
            os.close(self._file)
            self._file = -1
        elif self._handle is not None:
            self._handle.cancel()

    def _expired(self) -> None:
        if self._file >= 0:
            # Set anew since it expired: then there is nothing to read yet.
            with contextlib.suppress(BlockingIOError):
                os.read(self._file, 8)
        self._at = None
        self._ring()
