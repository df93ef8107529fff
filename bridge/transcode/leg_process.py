"""The process behind a leg of any kind: forked, listened to, and started again when it ends by itself."""

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

logger = logging.getLogger(__name__)

RESTART_SECONDS = 0.1
"""From the end of a process to its successor."""
MAX_RESTARTS = 5
RESTART_WINDOW = 30.0
"""A leg whose processes end more often than so in so many seconds is given up."""


class Launcher(Protocol):
    """What forks, and counts."""

    restarts: int

    def fork(self, control: socket.socket, media: socket.socket) -> bool:
        """Has a process forked with these two sockets. False while that cannot be."""


class LegOwner(Protocol):
    """The leg that a process serves. Called on the event loop."""

    def on_begun(self) -> None:
        """A process listens, and is to be told what to do."""

    def on_said(self, data: bytes) -> None:
        """It says something. Raises `msgspec.MsgspecError` for what makes no sense: then it is ended."""

    def on_process_ended(self) -> bool:
        """It has ended by itself; whether it is to have a successor."""

    def on_given_up(self, code: str) -> None:
        """It has ended too often (`leg_failed`), and `stop` was called."""


class LegProcess:
    """One process at a time, on the same media socket."""

    def __init__(self, launcher: Launcher, owner: LegOwner) -> None:
        self._launcher = launcher
        self._owner = owner
        self._media: socket.socket | None = None
        self._control: socket.socket | None = None
        self._ends: deque[float] = deque(maxlen=MAX_RESTARTS)
        self._timer: asyncio.TimerHandle | None = None
        self.pid: int | None = None
        """Set by the owner once the process has said so; None when it ends."""
        self.restarts = 0

    @property
    def runs(self) -> bool:
        """Whether there is one to be told anything."""
        return self._control is not None

    def start(self, media: socket.socket) -> None:
        """`media` stays the caller's, open until `stop`."""
        self._media = media
        self._begin()

    def say(self, data: bytes, *descriptors: int) -> None:
        """Tells it something; nothing while there is none."""
        if self._control is not None:
            # One that does not read is about to be ended by its own timer.
            with contextlib.suppress(OSError):
                socket.send_fds(self._control, [data], list(descriptors))

    def stop(self) -> None:
        """Ends it, without a successor. Idempotent."""
        self._media = None
        if self._timer is not None:
            self._timer.cancel()
        self._hang_up()

    def _begin(self) -> None:
        self._timer = None
        if self._media is None:
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            if not self._launcher.fork(theirs, self._media):
                ours.close()
                self._begin_later()
                return
        ours.setblocking(False)
        self._control = ours
        asyncio.get_running_loop().add_reader(ours, self._hear)
        self._owner.on_begun()

    def _begin_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(RESTART_SECONDS, self._begin)

    def _hear(self) -> None:
        if self._control is None:
            return
        try:
            data = self._control.recv(messages.MAX_MESSAGE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._ended()
            return
        try:
            self._owner.on_said(data)
        except msgspec.MsgspecError:
            # What has been taken over by what it is sent is not to be listened to.
            self._kill()
            self._ended()

    def _ended(self) -> None:
        """The process is gone, or to be taken for gone."""
        self._hang_up()
        if not self._owner.on_process_ended():
            return
        now = asyncio.get_running_loop().time()
        if len(self._ends) == MAX_RESTARTS and now - self._ends[0] < RESTART_WINDOW:
            self.stop()
            self._owner.on_given_up("leg_failed")
            return
        self._ends.append(now)
        self.restarts += 1
        self._launcher.restarts += 1
        logger.warning("the process of a leg has ended, and another is started")
        self._begin_later()

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
