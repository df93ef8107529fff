"""The examples as a reader runs them: programs of their own, against a real bridge."""

import asyncio
import runpy
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest
from aiortc.mediastreams import AudioStreamTrack

from tests.support.bridge import running_bridge
from tests.support.patience import PATIENCE

EXAMPLE = Path(__file__).parents[2] / "examples" / "websocket_client.py"


async def started(*arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(sys.executable, str(EXAMPLE), *arguments, stdout=PIPE, stderr=PIPE)


async def lines_until(process: Process, wanted: set[str]) -> None:
    """Reads what it prints until all that is wanted was there."""
    assert process.stdout is not None
    missing = set(wanted)
    while missing:
        line = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
        assert line, (await process.stderr.read()).decode() if process.stderr else missing
        missing.discard(line.decode().strip())


async def test_two_of_them_receive_each_other(tmp_path: Path) -> None:
    with running_bridge(tmp_path) as bridge:
        people = [await started(bridge.ws_url, bridge.token("time-1", name)) for name in ("a", "b")]
        try:
            wanted = {"published", "receiving audio", "receiving video"}
            await asyncio.gather(*(lines_until(process, wanted) for process in people))
        finally:
            for process in people:
                process.kill()
                await process.wait()


async def test_a_track_that_ends_before_its_first_frame_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever sent nothing and left had its reader end in a traceback."""
    track = AudioStreamTrack()
    track.stop()
    await runpy.run_path(str(EXAMPLE))["receive"](track)
    assert capsys.readouterr().out == "ended without audio\n"


async def test_a_call_that_is_not_named_is_asked_for() -> None:
    process = await started("ws://127.0.0.1:1/v1/signal")
    _, said = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 1
    assert "websocket_client.py URL JOIN_TOKEN" in said.decode()


async def test_a_refusal_is_one_line(tmp_path: Path) -> None:
    with running_bridge(tmp_path) as bridge:
        process = await started(bridge.ws_url, "no-token")
        _, said = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 1
    assert said.decode().startswith("token_malformed: ")
    assert len(said.splitlines()) == 1


async def test_a_door_that_is_not_there_is_one_line() -> None:
    for url in ("http://127.0.0.1:1", "ws://127.0.0.1:1/v1/signal"):
        process = await started(url, "no-token")
        _, said = await asyncio.wait_for(process.communicate(), PATIENCE)
        assert process.returncode == 1
        [line] = said.decode().splitlines()
        assert line.startswith(f"{url}: ")
