"""Test legs: an echo shows you yourself, a player shows a file, both as participants that everyone sees."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from bridge.transcode.sources.live_clock import DAY
from bridge.transcode.sources.time_code import read_time_code
from bridge.transcode.sources.tone_and_clock import beeps
from tests.support.bridge import BRIDGE, Bridge, eventually
from tests.support.media import BLUE, RED, ColourTrack, ToneTrack
from tests.support.participant import Participant
from tests.transcode.harness import picture
from tests.transcode.pictures import luma


@contextlib.asynccontextmanager
async def running(bridge: Bridge, room: str, *what: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command as a person in a sandbox would start it."""
    token = bridge.token(room, "test-leg", "assistent", "--enters", "direct", "--name", "Prøve")
    process = await asyncio.create_subprocess_exec(BRIDGE, "test-leg", *what, "--url", bridge.ws_url, "--token", token)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@contextlib.asynccontextmanager
async def somebody(bridge: Bridge, room: str) -> AsyncIterator[Participant]:
    participant = Participant(bridge.ws_url, bridge.token(room, "red"))
    await participant.join()
    try:
        yield participant
    finally:
        await participant.close()


async def test_an_echo_shows_and_plays_you_to_yourself(bridge: Bridge, room: str) -> None:
    async with somebody(bridge, room) as red, running(bridge, room, "echo"):
        await red.publish(ToneTrack(RED), ColourTrack(RED))
        joined = await red.notice(lambda said: said["type"] == "participant_joined", within=40.0)
        assert joined["participant"]["name"] == "Prøve"
        echo = joined["participant"]["id"]
        await (await red.watcher(echo, "camera", within=40.0)).expect(RED, within=40.0)
        await (await red.watcher(echo, "microphone")).expect(RED)
        # It is nobody, and keeps no recording from anybody.
        await red.request("ask_to_record", text_version="1")
        await red.notice(lambda said: said["type"] == "room_changed" and said["room"]["recording"] == "on")


async def test_a_player_shows_a_file(bridge: Bridge, room: str, tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    with av.open(str(film), "w") as container:
        stream = container.add_stream("libvpx", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(50):
            frame = picture(BLUE, number)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    async with somebody(bridge, room) as red, running(bridge, room, "play", str(film)):
        joined = await red.notice(lambda said: said["type"] == "participant_joined", within=40.0)
        await (await red.watcher(joined["participant"]["id"], "camera", within=40.0)).expect(BLUE, within=40.0)


async def test_a_clock_shows_the_time_of_day_and_beeps_with_it(bridge: Bridge, room: str) -> None:
    shown: list[tuple[float, int]] = []
    heard = set[bool]()
    """Whether it beeps."""

    def look(frame: object) -> None:
        assert isinstance(frame, av.VideoFrame)
        told = read_time_code(luma(frame))
        if told is not None:
            shown.append((time.time() % DAY, told))

    def listen(frame: object) -> None:
        assert isinstance(frame, av.AudioFrame)
        samples = frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0].astype(np.float32) / 32768
        heard.add(beeps(np.asarray(samples, np.float32)))

    async with somebody(bridge, room) as red, running(bridge, room, "clock"):
        joined = await red.notice(lambda said: said["type"] == "participant_joined", within=40.0)
        (await red.watcher(joined["participant"]["id"], "camera", within=40.0)).inspect = look
        (await red.watcher(joined["participant"]["id"], "microphone", within=40.0)).inspect = listen
        await eventually(lambda: len(shown) > 30 and heard == {True, False}, within=60)
    # This machine's clock is the leg's: the picture was taken before it came, and lately.
    assert all((at - told / 1000) % DAY < 60 for at, told in shown)


@pytest.mark.parametrize("what", [("play",), ("echo", "film.mkv"), ("clock", "film.mkv"), ("play", "/nowhere.mkv")])
async def test_what_cannot_be_played_is_said_in_a_sentence(bridge: Bridge, room: str, what: tuple[str, ...]) -> None:
    async with running(bridge, room, *what) as process:
        assert await process.wait() != 0
