"""What a participant in a call sends: sound every 20 ms, and pictures that are keyframes where one is asked for."""

from __future__ import annotations

import asyncio
import random
import time

from loadtest.swarm.peer import LightPeer
from loadtest.swarm.talk import VP8_KEYFRAME

_SOUND = bytes(60)
_SOUND_INTERVAL = 0.02
_PICTURE_INTERVAL = 1 / 15
_KEYFRAME = VP8_KEYFRAME + bytes(1000)
_PICTURE = b"\x10" + bytes([0x11]) + bytes(500)
"""A picture that follows another: the lowest bit of its first byte is set (RFC 6386, section 9.1)."""


class Speaker:
    """Sends over a peer that publishes sound (m-line 0) and pictures (m-line 1), as soon as it is connected."""

    def __init__(self, peer: LightPeer) -> None:
        self._peer = peer
        self._sound = self._pictures = False
        self._keyframe_due = True
        self._timer: asyncio.TimerHandle | None = None
        self._next = self._next_picture = 0.0
        peer.on_keyframe_wanted = self.send_keyframe

    def speak(self, sound: bool) -> None:
        """Sends sound from now on, or none."""
        self._sound = sound
        self._go_on()

    def show(self, pictures: bool) -> None:
        """Sends pictures from now on, beginning with a keyframe, or none."""
        self._keyframe_due |= pictures and not self._pictures
        self._pictures = pictures
        self._go_on()

    def send_keyframe(self) -> None:
        """The next picture is a keyframe."""
        self._keyframe_due = True

    def stop(self) -> None:
        """Falls silent for good."""
        self._sound = self._pictures = False

    def _go_on(self) -> None:
        if self._timer is None and (self._sound or self._pictures):
            loop = asyncio.get_running_loop()
            # Participants of one process do not all speak in the same millisecond.
            self._next = loop.time() + random.uniform(0, _SOUND_INTERVAL)
            self._timer = loop.call_at(self._next, self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if not (self._sound or self._pictures):
            return
        if self._peer.connected.is_set():
            self._send(loop.time())
        # Who is late by more than a packet leaves some out, as real ones do.
        self._next = max(self._next, loop.time() - _SOUND_INTERVAL) + _SOUND_INTERVAL
        self._timer = loop.call_at(self._next, self._tick, loop)

    def _send(self, now: float) -> None:
        clock = time.time()
        if self._sound:
            self._peer.send(0, int(clock * 48_000), _SOUND)
        if self._pictures and now >= self._next_picture:
            self._next_picture = max(self._next_picture, now - _PICTURE_INTERVAL) + _PICTURE_INTERVAL
            payload, self._keyframe_due = (_KEYFRAME if self._keyframe_due else _PICTURE), False
            self._peer.send(1, int(clock * 90_000), payload, marker=True)
