"""Test legs: an echo shows you yourself, a player shows a file, both as participants that everyone sees."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import time
from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest

from bridge.transcode.sources.live_clock import DAY
from bridge.transcode.sources.time_code import read_time_code
from bridge.transcode.sources.tone_and_clock import beeps
from tests.support.bridge import BRIDGE, Bridge, eventually, running_bridge
from tests.support.legs import launcher, programs
from tests.support.media import BLUE, RED, ColourTrack, ToneTrack
from tests.support.participant import Participant
from tests.support.patience import PATIENCE
from tests.support.processes import cpus
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
        joined = await red.notice(lambda said: said["type"] == "participant_joined")
        assert joined["participant"]["name"] == "Prøve"
        echo = joined["participant"]["id"]
        await (await red.watcher(echo, "camera")).expect(RED)
        await (await red.watcher(echo, "microphone")).expect(RED)
        # It is nobody, and keeps no recording from anybody.
        await red.request("ask_to_record", text_version="1")
        await red.notice(lambda said: said["type"] == "room_changed" and said["room"]["recording"] == "on")


async def test_what_lets_no_test_leg_in_is_one_line(bridge: Bridge, room: str) -> None:
    token, waits = bridge.token(room, "leg"), bridge.token(room, "waits", "pasient", "--enters", "lobby")
    http = bridge.ws_url.replace("ws://", "http://")
    for url, shown, expected in (
        (http, token, "bridge: url: The door is named by a URL."),
        (bridge.ws_url + "s", token, "bridge: url: There is no door: it was answered with 403."),
        (bridge.ws_url, waits, "bridge: token: It would wait in the lobby, unseen."),
        (bridge.ws_url, "no-token", "bridge: This is not a signed token."),
    ):
        process = await asyncio.create_subprocess_exec(
            BRIDGE, "test-leg", "echo", "--url", url, "--token", shown, stderr=asyncio.subprocess.PIPE
        )
        _, said = await asyncio.wait_for(process.communicate(), PATIENCE)
        [line] = said.decode().splitlines()
        assert line.startswith(expected)
        assert process.returncode == 2


def film(path: Path) -> None:
    """Two seconds of blue."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(50):
            frame = picture(BLUE, number)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


async def test_a_player_shows_a_file(bridge: Bridge, room: str, tmp_path: Path) -> None:
    film(tmp_path / "film.mkv")
    async with somebody(bridge, room) as red, running(bridge, room, "play", str(tmp_path / "film.mkv")):
        joined = await red.notice(lambda said: said["type"] == "participant_joined")
        await (await red.watcher(joined["participant"]["id"], "camera")).expect(BLUE)


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
        joined = await red.notice(lambda said: said["type"] == "participant_joined")
        (await red.watcher(joined["participant"]["id"], "camera")).inspect = look
        (await red.watcher(joined["participant"]["id"], "microphone")).inspect = listen
        await eventually(lambda: len(shown) > 30 and heard == {True, False})
    # This machine's clock is the leg's: the picture was taken before it came, and lately.
    assert all((at - told / 1000) % DAY < 60 for at, told in shown)


@contextlib.asynccontextmanager
async def vendor(bridge: Bridge) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {bridge.api_key('dev', 'test-legs')}"}
    async with httpx.AsyncClient(base_url=bridge.url, headers=headers, timeout=PATIENCE) as client:
        yield client


async def started(client: httpx.AsyncClient, room: str, **more: str | int) -> dict[str, str]:
    answer = await client.post(f"/v1/rooms/{room}/test-legs", json={"role": "fastlege", "name": "Prøve", **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, str] = answer.json()
    return made


def listed(bridge: Bridge) -> list[dict[str, Any]]:
    """What `bridge rooms` says."""
    said = subprocess.check_output([BRIDGE, "rooms", "--json", "--data", bridge.data])
    rooms: list[dict[str, Any]] = json.loads(said)
    return rooms


async def test_a_vendor_has_an_echo_come_and_go(bridge: Bridge, room: str) -> None:
    async with vendor(bridge) as client, somebody(bridge, room) as red:
        await red.publish(ToneTrack(RED), ColourTrack(RED))
        echo = await started(client, room, kind="echo")
        joined = await red.notice(lambda said: said["type"] == "participant_joined")
        assert (joined["participant"]["id"], joined["participant"]["name"]) == (echo["participant"], "Prøve")
        await (await red.watcher(echo["participant"], "camera")).expect(RED)
        await (await red.watcher(echo["participant"], "microphone")).expect(RED)
        # It is no person in any count of people.
        (counted,) = [each for each in listed(bridge) if each["room"] == f"dev/{room}"]
        assert (counted["participants"], counted["test_legs"], counted["sources"]) == (1, 1, 4)
        assert "bridge_test_legs 1.0" in (await client.get("/metrics")).text
        (process,) = programs(bridge)
        assert cpus(process) == cpus(launcher(bridge))
        assert (await client.delete(f"/v1/rooms/{room}/test-legs/{echo['id']}")).status_code == 204
        # It goes for good, and is not waited for.
        left = await red.notice(lambda said: said["type"] == "participant_left")
        assert (left["participant_id"], left["reason"]) == (echo["participant"], "left")
        assert not programs(bridge)


async def test_a_test_leg_opens_the_room_and_leaves_when_its_time_is_over(bridge: Bridge, room: str) -> None:
    async with vendor(bridge) as client:
        clock = await started(client, room, kind="clock", seconds=3)
        (shown,) = (await client.get(f"/v1/rooms/{room}/participants")).json()["participants"]
        assert (shown["id"], shown["grants"]) == (
            clock["participant"],
            ["publish_camera", "publish_microphone", "subscribe"],
        )
        assert [source["name"] for source in shown["sources"]] == ["microphone", "camera"]
        async with asyncio.timeout(PATIENCE):
            while (await client.get(f"/v1/rooms/{room}/test-legs")).json() != {"test_legs": []}:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert not programs(bridge)


async def test_a_player_shows_a_clip_of_the_operators(tmp_path: Path, room: str) -> None:
    (tmp_path / "clips").mkdir()
    film(tmp_path / "clips" / "film.mkv")
    (tmp_path / "secret.mkv").write_bytes(b"")
    config = tmp_path / "bridge.toml"
    config.write_text('[legs]\ntests = 1\ntest_clips = "clips"\n')
    with running_bridge(tmp_path / "run", "--config", str(config)) as bridge:
        async with vendor(bridge) as client, somebody(bridge, room) as red:
            player = await started(client, room, kind="player", clip="film.mkv")
            await (await red.watcher(player["participant"], "camera")).expect(BLUE)
            path, body = f"/v1/rooms/{room}/test-legs", {"role": "fastlege", "kind": "player", "clip": "film.mkv"}
            busy = await client.post(path, json=body)
            assert (busy.status_code, busy.json()["code"]) == (503, "too_many_test_legs")
            assert (await client.delete(f"{path}/{player['id']}")).status_code == 204
            absent = await client.post(path, json={**body, "clip": "../secret.mkv"})
            assert (absent.status_code, absent.json()["code"], absent.json()["hint"]) == (
                400,
                "unknown_clip",
                "film.mkv",
            )


@pytest.mark.parametrize("what", [("play",), ("echo", "film.mkv"), ("clock", "film.mkv"), ("play", "/nowhere.mkv")])
async def test_what_cannot_be_played_is_said_in_a_sentence(bridge: Bridge, room: str, what: tuple[str, ...]) -> None:
    async with running(bridge, room, *what) as process:
        assert await process.wait() != 0
