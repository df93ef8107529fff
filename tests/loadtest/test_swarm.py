"""The native swarm through the bridge's public doors, and how its report is read."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import pytest

from loadtest.cli import main
from loadtest.measure import DevelopmentBridge
from loadtest.swarm import native
from loadtest.swarm.outcome import Outcome, quantile
from loadtest.swarm.rooms import Rooms
from loadtest.swarm.target import Target
from tests.support.patience import PATIENCE
from tests.support.tcp_relay import TcpRelay

T = TypeVar("T")


@contextmanager
def relay_to(url: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Where the bridge's TCP doors are too, and what resets all that goes through there."""
    where = urlsplit(url)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def call(what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, loop).result(PATIENCE)

    async def lose(relay: TcpRelay) -> None:
        relay.cut()
        relay.mend()

    try:
        relay = TcpRelay(str(where.hostname), int(where.port or 0))
        call(relay.__aenter__())
        yield f"http://127.0.0.1:{relay.port}", lambda: call(lose(relay))
        call(relay.__aexit__())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.mark.parametrize(("door", "codec"), [("websocket", "vp8"), ("http", "h264")])
def test_everyone_in_ten_rooms_of_three_receives_everyone(door: str, codec: str, tmp_path: Path) -> None:
    figures, lines = tmp_path / "figures.json", tmp_path / "lines.jsonl"
    arguments = ["swarm", "--rooms", "10", "--size", "3", "--bitrate", "150k", "--seconds", "4", "--joins", "30"]
    code = main([*arguments, "--door", door, "--codec", codec, "--json", str(figures), "--lines", str(lines)])
    found = json.loads(figures.read_text())["figures"]
    assert code == 0, found["failures"]
    assert (found["connected"], found["silent_streams"], found["failures"]) == (30, 0, [])
    last = [line for line in map(json.loads, lines.read_text().splitlines()) if line.get("last")]
    assert len(last) == 30
    for line in last:
        assert (line["down"]["sounds"], line["down"]["pictures"]) == (2, 2)
        assert line["down"]["frames"] > 0
        assert line["down"]["audio_delay"]["p50"] is not None
        assert 0 < line["join_time"] < line["connect_time"]
        assert line["first_picture"] > line["join_time"]
        assert line["first_sound"] > line["join_time"]


def test_a_plan_that_cannot_be_played_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["swarm", "--size", "1"]) == 2
    assert "--size: 1: expected a number from 2" in capsys.readouterr().err
    assert main(["swarm", "--bitrate", "much"]) == 2
    assert "--bitrate" in capsys.readouterr().err
    assert main(["swarm", "--bridge", "https://bridge.invalid", "--token", "echo x", "--seconds", "5"]) == 2


def test_an_early_end_leaves_what_there_was() -> None:
    outcome = Outcome(2)

    def on_line(line: native.Line) -> None:
        outcome.note(line)
        if outcome.connected == 2 and not outcome.interrupted and line["type"] == "thread":
            os.kill(os.getpid(), signal.SIGINT)

    with DevelopmentBridge.running() as bridge:
        rooms = Rooms(rooms=1, size=2, bitrate=100_000, seconds=600)
        with pytest.raises(KeyboardInterrupt):
            native.play(rooms.plan(Target(bridge.url, process=bridge)), on_line)
    assert outcome.interrupted
    assert all(lines[-1]["last"] for lines in outcome.participants.values())
    assert outcome.figures().participants == 2


def test_a_lost_websocket_is_taken_up_again() -> None:
    """Media that fills a thin line leaves pings unanswered, and the bridge closes: each client's run ended there."""
    outcome, cut = Outcome(2), False
    with DevelopmentBridge.running() as bridge, relay_to(bridge.url) as (url, lose):

        def on_line(line: native.Line) -> None:
            nonlocal cut
            outcome.note(line)
            if line["type"] != "thread" or outcome.interrupted:
                return
            if outcome.connected == 2 and not cut:
                cut = True
                lose()
            resumes = re.search(r"^bridge_resumes_total (\S+)$", httpx.get(f"{bridge.url}/metrics").text, re.M)
            if outcome.failures or (resumes is not None and float(resumes[1]) == 2.0):
                os.kill(os.getpid(), signal.SIGINT)

        rooms = Rooms(rooms=1, size=2, bitrate=100_000, seconds=PATIENCE)
        with pytest.raises(KeyboardInterrupt):
            native.play(rooms.plan(Target(url, process=bridge)), on_line)
    assert outcome.failures == {}
    assert outcome.figures().participants == 2


def test_doors_of_other_makes_are_named(tmp_path: Path) -> None:
    whip, whep = "http://127.0.0.1:1/rooms/{room}/whip", "http://127.0.0.1:1/rooms/{room}/whep"
    target = ["--token", "echo token", "--target", f"whip={whip}"]
    assert main(["swarm", "--seconds", "2", *target]) == 2
    figures = tmp_path / "figures.json"
    size = ["--rooms", "1", "--size", "2", "--seconds", "1", "--bitrate", "100k", "--json", str(figures)]
    assert main(["swarm", *size, *target, "--target", f"whep={whep}"]) == 2
    failures = json.loads(figures.read_text())["figures"]["failures"]
    assert len(failures) == 2
    assert all("127.0.0.1:1: Connection refused" in failure for failure in failures)


def _participant(at: float, *, received: int, expected: int, freezes: int) -> dict[str, Any]:
    up = {"packets": received, "bytes": 100 * received}
    down = {
        "packets": received, "bytes": 100 * received, "sounds": 1, "pictures": 1,
        "received": received, "expected": expected, "frames": received, "freezes": freezes, "frozen": 0.5 * freezes,
        "longest_freeze": 0.5, "audio_gaps": 0,
    }  # fmt: skip
    times = {"join_time": 0.05, "connect_time": 0.1, "first_picture": None, "first_sound": 0.2}
    return {"type": "participant", "name": "a", "at": at, "last": False, "up": up, "down": down, **times}


def test_figures_are_those_of_the_window() -> None:
    outcome = Outcome(2)
    for at, received, expected, freezes in ((1.0, 100, 150, 3), (2.0, 200, 250, 3), (4.0, 390, 450, 4)):
        outcome.note(_participant(at, received=received, expected=expected, freezes=freezes))
        delays = {"audio_delays": [[0.001 * at, 10]], "video_delays": []}
        outcome.note({"type": "thread", "thread": 0, "at": at, "connected": 1, "cpu": at / 2, "late": 0.0, **delays})
    figures = outcome.figures(2.0)
    assert (figures.connected, figures.silent_streams, figures.freezes) == (1, 0, 1)
    assert figures.residual_loss == pytest.approx(0.05)
    assert figures.packets_down_per_second == pytest.approx(95)
    assert (figures.audio_delay_p50, figures.video_delay_p50) == (0.004, None)
    assert figures.swarm_cpu == pytest.approx(0.5)
    assert (figures.join_p50, figures.first_frame_p50) == (0.1, 0.2)


def test_quantiles_of_buckets() -> None:
    assert quantile({0.002: 5, 0.001: 90, 0.003: 5}, 0.95) == 0.002
    assert quantile({}, 0.5) is None
