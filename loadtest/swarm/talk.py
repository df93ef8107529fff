"""Rooms in which everyone publishes and everyone views everyone else, by WHIP and WHEP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from loadtest.swarm.peer import Arrivals, LightPeer

VP8_KEYFRAME = b"\x10" + bytes([0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x40, 0x01, 0xF0, 0x00])
"""Payload descriptor and frame header of a keyframe of 320×240 (RFC 7741, RFC 6386): any picture can be the first."""

TokenMaker = Callable[[str, str, str], str]
"""(room, identity, role) → join token."""


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
    _talking: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def kinds(self) -> list[str]:
        """The m-lines of each publisher."""
        return ["audio", "video"] if self.bitrate else ["audio"]

    async def open(self, client: httpx.AsyncClient, *, view: bool = True) -> None:
        """Everyone publishes and talks; then everyone views the others."""
        for index in range(self.size):
            token = self.token(self.room, f"speaker-{index}", "fastlege")
            peer = LightPeer()
            await peer.connect(client, f"{self.base_url}/whip/{self.room}", token, self.kinds, "sendonly")
            self.publishers.append(peer)
            self._tokens.append(token)
            self._talking.append(asyncio.ensure_future(self._talk(peer)))
        if not view:
            return
        for index in range(self.size):
            token = self.token(self.room, f"viewer-{index}", "tolk")
            peer = LightPeer()
            wanted = self.kinds * (self.size - 1 if self.size > 1 else 1)
            await peer.connect(client, f"{self.base_url}/whep/{self.room}", token, wanted, "recvonly")
            self.viewers.append(peer)
            self._tokens.append(token)

    async def close(self, client: httpx.AsyncClient) -> None:
        """Everyone leaves."""
        for task in self._talking:
            task.cancel()
        await asyncio.gather(*self._talking, return_exceptions=True)
        for peer, token in zip([*self.publishers, *self.viewers], self._tokens, strict=True):
            await peer.close(client, token)

    def arrivals(self) -> list[Arrivals]:
        """What arrived at all viewers, one entry per SSRC."""
        return [entry for viewer in self.viewers for entry in viewer.arrivals.values()]

    async def _talk(self, peer: LightPeer) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        per_frame = max(1, round(self.bitrate / 8 / 30 / 1100)) if self.bitrate else 0
        size = min(1100, round(self.bitrate / 8 / 30 / per_frame)) if per_frame else 0
        sound = bytes(60)
        picture = VP8_KEYFRAME + bytes(max(0, size - len(VP8_KEYFRAME)))
        ticks = 0
        frames = 0
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                peer.send(0, ticks * 960, sound)
                while per_frame and frames < ticks * 0.6:
                    for part in range(per_frame):
                        # Only the first packet of a picture begins a partition.
                        payload = picture if part == 0 else b"\x00" + picture[1:]
                        peer.send(1, frames * 3000, payload, marker=part == per_frame - 1)
                    frames += 1
                ticks += 1
                await asyncio.sleep(max(0.0, begun + ticks * 0.02 - loop.time()))
