"""Legs: whoever lacks the codec that is sent gets it in one of its own. The independent peer is aiortc."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import pytest

from tests.support.bridge import BRIDGE, Bridge, eventually, running_bridge
from tests.support.legs import launcher, legs, no_legs
from tests.support.media import RED, ColourTrack, ToneTrack
from tests.support.participant import Participant
from tests.support.patience import PATIENCE
from tests.support.processes import cpus, open_files
from tests.support.webrtc_http import Publisher, Viewer


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ({"video": "H264", "audio": "opus"}, {"video": "VP8", "audio": "PCMA"}),
        ({"video": "VP8", "audio": "PCMU"}, {"video": "H264", "audio": "opus"}),
        ({"video": "VP8", "audio": "opus"}, {"video": "VP8", "audio": "G722"}),
        ({"video": "VP8", "audio": "G722"}, {"video": "VP8", "audio": "PCMU"}),
    ],
    ids=lambda codecs: "-".join(codecs.values()),
)
async def test_a_viewer_without_the_codec_that_is_sent_sees_and_hears(
    bridge: Bridge, room: str, sent: dict[str, str], taken: dict[str, str]
) -> None:
    publisher = Publisher(f"{bridge.url}/whip/{room}", bridge.token(room, "doctor"))
    viewer = Viewer(f"{bridge.url}/whep/{room}", bridge.token(room, "viewer", "pasient"))
    try:
        await publisher.publish([ToneTrack(RED), ColourTrack(RED)], sent["video"], sent["audio"])
        await viewer.view(only=taken)
        audio, video = viewer.watchers
        await video.expect(RED)
        await audio.expect(RED)
    finally:
        await viewer.close()
        await publisher.close()


@contextlib.asynccontextmanager
async def watching(
    bridge: Bridge, room: str, sent: Mapping[str, str], taken: Mapping[str, str], *more: Mapping[str, str]
) -> AsyncIterator[list[Viewer]]:
    """A publisher of red, and viewers who take only these codecs."""
    await no_legs(bridge)
    publisher = Publisher(f"{bridge.url}/whip/{room}", bridge.token(room, "doctor"))
    viewers = []
    try:
        tracks = {"audio": ToneTrack(RED), "video": ColourTrack(RED)}
        await publisher.publish([tracks[kind] for kind in sent], sent.get("video", ""), sent.get("audio", ""))
        for index, only in enumerate((taken, *more)):
            viewer = Viewer(f"{bridge.url}/whep/{room}", bridge.token(room, f"viewer-{index}", "pasient"))
            viewers.append(viewer)
            await viewer.view(tuple(only), only)
        yield viewers
    finally:
        for viewer in viewers:
            await viewer.close()
        await publisher.close()


H264, VP8, OPUS, PCMA = {"video": "H264"}, {"video": "VP8"}, {"audio": "opus"}, {"audio": "PCMA"}


@pytest.mark.parametrize(("sent", "taken"), [(H264, VP8), (VP8, H264), (OPUS, PCMA)], ids=["VP8", "H264", "PCMA"])
async def test_a_leg_that_is_killed_is_there_again(
    bridge: Bridge, room: str, sent: dict[str, str], taken: dict[str, str]
) -> None:
    async with watching(bridge, room, sent, taken) as (viewer,):
        await viewer.watchers[0].expect(RED)
        for _ in range(2):
            (killed,) = legs(bridge)
            os.kill(killed, signal.SIGKILL)
            # Until it is waited for, it is still among them.
            await eventually(lambda killed=killed: len(legs(bridge)) == 1 and legs(bridge) != [killed])
            await viewer.watchers[0].expect(RED, times=30)


async def test_receivers_with_the_same_need_share_a_leg_and_others_need_none(bridge: Bridge, room: str) -> None:
    async with watching(bridge, room, H264, VP8, VP8, H264) as viewers:
        for viewer in viewers:
            await viewer.watchers[0].expect(RED)
        assert len(legs(bridge)) == 1
        await viewers[0].close()
        await viewers[1].watchers[0].expect(RED, times=20)
        await viewers[1].close()
        await no_legs(bridge)
        await viewers[2].watchers[0].expect(RED, times=20)


async def test_who_finds_the_budget_spent_is_refused_and_the_others_go_on(tmp_path: Path, room: str) -> None:
    (tmp_path / "bridge.toml").write_text("[legs]\nmax = 1\n")
    with running_bridge(tmp_path, "--config", str(tmp_path / "bridge.toml")) as bridge:
        async with watching(bridge, room, VP8 | OPUS, VP8 | PCMA) as (first,):
            audio = first.watchers[1] if first.watchers[1].track.kind == "audio" else first.watchers[0]
            await audio.expect(RED)
            second = Viewer(f"{bridge.url}/whep/{room}", bridge.token(room, "viewer-9", "tolk"))
            try:
                await second.view(("video", "audio"), VP8 | {"audio": "G722"})
                (only,) = second.watchers
                assert only.track.kind == "video"
                await only.expect(RED)
                assert "a=inactive" in second.peer.remoteDescription.sdp
            finally:
                await second.close()
            await audio.expect(RED)


async def test_legs_stay_off_as_many_cpus_as_there_are_workers(bridge: Bridge, room: str) -> None:
    allowed = sorted(os.sched_getaffinity(0))
    async with watching(bridge, room, H264 | OPUS, VP8 | PCMA) as (viewer,):
        for watcher in viewer.watchers:
            await watcher.expect(RED)
        found = [cpus(pid) for pid in (launcher(bridge), *legs(bridge))]
        assert set().union(*found) == {frozenset(allowed[1:] or allowed)}
        assert bridge.process is not None
        # What is not a leg goes where there is room.
        assert cpus(bridge.process.pid) == {frozenset(allowed)}
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        assert (
            f"bridge_legs_cpus {float(len(allowed[1:] or allowed))}" in (await client.get(f"{bridge.url}/metrics")).text
        )


async def test_legs_leave_nothing_behind(bridge: Bridge, room: str) -> None:
    assert bridge.process is not None
    after_first: dict[int, int] = {}
    for turn in range(8):
        async with watching(bridge, f"{room}-{turn}", H264 | OPUS, VP8 | PCMA) as (viewer,):
            await viewer.watchers[0].expect(RED, times=2)
            await eventually(lambda: len(legs(bridge)) == 2)
        await no_legs(bridge)
        # The first turn opens what stays open for good. A connection of the viewer may take a moment more to close.
        after_first = after_first or {pid: open_files(pid) for pid in (bridge.process.pid, launcher(bridge))}
    await eventually(lambda: all(open_files(pid) <= first for pid, first in after_first.items()))


async def test_everyone_is_told_that_the_bridge_decodes_and_when_it_no_longer_does(bridge: Bridge, room: str) -> None:
    early = Participant(bridge.ws_url, bridge.token(room, "early", "tolk"))
    late = Participant(bridge.ws_url, bridge.token(room, "late", "tolk"))
    await early.join()
    try:
        async with watching(bridge, room, VP8, H264) as (viewer,):
            await viewer.watchers[0].expect(RED)
            await late.join()
            for participant in (early, late):
                told = await participant.notice(lambda said: said["type"] == "media_mode")
                assert told["mode"] == "transcoded"
                (source,) = told["transcoded"]
                assert (source["codec"], source["into"], source["reason"]) == ("VP8", "H264", "codec")
            command: list[str | Path] = [BRIDGE, "rooms", "--data", bridge.data, "--json"]
            described = await asyncio.to_thread(subprocess.check_output, command)
            (leg,) = next(each for each in json.loads(described) if each["room"].endswith(room))["legs"]
            assert (leg["source"], leg["target"], leg["receivers"]) == ("VP8", "H264", 1)
        await early.notice(lambda said: said["type"] == "media_mode" and said["mode"] == "forwarded")
    finally:
        await late.close()
        await early.close()
