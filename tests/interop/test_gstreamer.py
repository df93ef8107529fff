"""A second independent stack: GStreamer's webrtcbin publishes by WHIP and views by WHEP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

from tests.support.bridge import Bridge
from tests.support.media import BLUE, RED, ColourTrack, ToneTrack, identity_of_colour
from tests.support.patience import PATIENCE
from tests.support.webrtc_http import Publisher, Viewer

SCRIPT = Path(__file__).with_name("gstreamer_peer.py")


class GStreamerPeer:
    """The script in a process of its own, with the system's Python."""

    def __init__(self, token: str, *arguments: str) -> None:
        self._token = token
        self._arguments = arguments

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            "/usr/bin/python3",
            str(SCRIPT),
            *self._arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(self._token.encode() + b"\n")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.communicate(), PATIENCE)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def until(
        self, condition: Callable[[dict[str, Any]], bool], times: int = 1, within: float = PATIENCE
    ) -> None:
        """Reads what it prints until `condition` held `times` times."""
        last: list[dict[str, Any]] = []

        async def read() -> None:
            assert self._process.stdout is not None
            left = times
            while left:
                line = await self._process.stdout.readline()
                assert line, f"GStreamer ended early; it said {last[-5:]}"
                message = json.loads(line)
                assert "error" not in message, message["error"]
                last.append(message)
                left -= condition(message)

        try:
            await asyncio.wait_for(read(), within)
        except TimeoutError:
            raise AssertionError(f"not within {within} s; GStreamer said last {last[-5:]}") from None


@pytest.mark.parametrize("codec", ["VP8", "VP9", "H264"])
async def test_webrtcbin_publishes_to_webrtcbin(bridge: Bridge, room: str, codec: str) -> None:
    whip, whep = f"{bridge.url}/whip/{room}", f"{bridge.url}/whep/{room}"
    colour = "".join(f"{part:02x}" for part in BLUE.colour)
    publish = ("publish", whip, codec, colour, str(BLUE.tone))
    async with GStreamerPeer(bridge.token(room, "gst"), *publish) as publisher:
        await publisher.until(lambda said: "negotiated" in said)
        async with GStreamerPeer(bridge.token(room, "gst-viewer", "tolk"), "view", whep, codec) as viewer:
            await viewer.until(lambda said: "colour" in said and identity_of_colour(said["colour"]) is BLUE, times=5)
            await viewer.until(lambda said: abs(said.get("tone", 0) - BLUE.tone) < 60, times=5)


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_webrtcbin_and_aiortc_see_each_other(bridge: Bridge, room: str, codec: str) -> None:
    whip, whep = f"{bridge.url}/whip/{room}", f"{bridge.url}/whep/{room}"
    doctor = Publisher(whip, bridge.token(room, "doctor"))
    viewer = Viewer(f"{whep}", bridge.token(room, "viewer", "pasient"))
    colour = "".join(f"{part:02x}" for part in BLUE.colour)
    try:
        async with GStreamerPeer(bridge.token(room, "gst"), "publish", whip, codec, colour, str(BLUE.tone)) as gst:
            await gst.until(lambda said: "negotiated" in said)
            await viewer.view()
            await viewer.watchers[1].expect(BLUE)
            await viewer.watchers[0].expect(BLUE)
        await doctor.publish([ToneTrack(RED), ColourTrack(RED)], codec)
        async with GStreamerPeer(bridge.token(room, "gst-viewer", "tolk"), "view", whep, codec) as watching:
            await watching.until(lambda said: "colour" in said and identity_of_colour(said["colour"]) is RED, times=5)
            await watching.until(lambda said: abs(said.get("tone", 0) - RED.tone) < 60, times=5)
    finally:
        await viewer.close()
        await doctor.close()
