"""Rooms in which everyone publishes and everyone views everyone else, by WHIP and WHEP."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from loadtest.swarm.arrivals import Arrivals
from loadtest.swarm.peer import LightPeer

VP8_KEYFRAME = b"\x10" + bytes([0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x40, 0x01, 0xF0, 0x00])
"""Payload descriptor and frame header of a keyframe of 320×240 (RFC 7741, RFC 6386): any picture can be the first."""

_SOUND = bytes(60)
_SOUND_INTERVAL = 0.02
_FRAME_RATE = 30
_PACKET_BYTES = 1100

TokenMaker = Callable[[str, str, str], str]
"""(room, identity, role) → join token."""


class Talker:
    """Has a connected publisher send sound every 20 ms, and pictures at a bitrate (bit/s) if that is not 0."""

    def __init__(self, peer: LightPeer, bitrate: int) -> None:
        self._peer = peer
        self._loop = asyncio.get_running_loop()
        # Peers of one process do not all speak in the same millisecond.
        self._begun = self._loop.time() + random.uniform(0, _SOUND_INTERVAL)
        per_frame = bitrate / 8 / _FRAME_RATE
        self._parts = max(1, round(per_frame / _PACKET_BYTES)) if bitrate else 0
        size = min(_PACKET_BYTES, round(per_frame / self._parts)) if bitrate else 0
        picture = VP8_KEYFRAME + bytes(max(0, size - len(VP8_KEYFRAME)))
        # Only the first packet of a picture begins a partition.
        self._pictures = [picture if part == 0 else b"\x00" + picture[1:] for part in range(self._parts)]
        self._ticks = 0
        self._frames = 0
        self._timer = self._loop.call_at(self._begun, self._tick)

    def stop(self) -> None:
        """Falls silent."""
        self._timer.cancel()

    def _tick(self) -> None:
        self._peer.send(0, int(time.time() * 48_000), _SOUND)
        if self._pictures and self._frames < self._ticks * _SOUND_INTERVAL * _FRAME_RATE:
            timestamp = int(time.time() * 90_000)
            for part, payload in enumerate(self._pictures):
                self._peer.send(1, timestamp, payload, marker=part == self._parts - 1)
            self._frames += 1
        self._ticks += 1
        self._timer = self._loop.call_at(self._begun + self._ticks * _SOUND_INTERVAL, self._tick)


@dataclass
class TalkingRoom:
    """A room of `size` light peers. Bitrate is video, per publisher, in bit/s; 0 means sound only."""

    base_url: str
    room: str
    size: int
    bitrate: int
    token: TokenMaker
    publishers: list[LightPeer] = field(default_factory=list)
    viewers: list[LightPeer] = field(default_factory=list)
    _tokens: list[str] = field(default_factory=list)
    _talkers: list[Talker] = field(default_factory=list)

    @property
    def kinds(self) -> list[str]:
        """The m-lines of each publisher."""
        return ["audio", "video"] if self.bitrate else ["audio"]

    async def open(self, *, view: bool = True) -> None:
        """Everyone publishes and talks; then everyone views the others."""
        for index in range(self.size):
            peer = LightPeer()
            token = self.token(self.room, f"speaker-{index}", "fastlege")
            await peer.connect(f"{self.base_url}/whip/{self.room}", token, peer.offer(self.kinds, "sendonly"))
            self._tokens.append(token)
            self.publishers.append(peer)
            self._talkers.append(Talker(peer, self.bitrate))
        for index in range(self.size if view else 0):
            peer = LightPeer()
            token = self.token(self.room, f"viewer-{index}", "tolk")
            wanted = self.kinds * (self.size - 1 if self.size > 1 else 1)
            await peer.connect(f"{self.base_url}/whep/{self.room}", token, peer.offer(wanted, "recvonly"))
            self._tokens.append(token)
            self.viewers.append(peer)

    async def close(self) -> None:
        """Everyone leaves."""
        for talker in self._talkers:
            talker.stop()
        for peer, token in zip([*self.publishers, *self.viewers], self._tokens, strict=True):
            await peer.close(token)

    def arrivals(self) -> list[Arrivals]:
        """What arrived at all viewers, one entry per SSRC."""
        return [entry for viewer in self.viewers for entry in viewer.arrivals.values()]
