"""The sweep's search, its judgement and the operators' table; one probe of a real bridge."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.cli import main
from loadtest.swarm.outcome import Figures, Outcome
from loadtest.sweep.probe import Thresholds, judge, swarm_was_limit
from loadtest.sweep.search import search
from loadtest.sweep.sizing import DEMANDS, Carried, markdown, need

THRESHOLDS = Thresholds()


def _figures() -> Figures:
    nothing = Outcome(2).figures()
    return replace(nothing, audio_delay_p99=0.01, video_delay_p95=0.02, swarm_cpu=0.5)


@given(limit=st.integers(0, 2000), first=st.integers(1, 200), most=st.integers(1, 1000))
def test_the_search_ends_beside_the_limit(limit: int, first: int, most: int) -> None:
    tried: list[int] = []

    def holds(rooms: int) -> bool:
        tried.append(rooms)
        return rooms <= limit

    found = search(holds, first, most, 0.1)
    assert found.held <= limit
    assert found.broke is None or limit < found.broke <= max(found.held + 1, found.held * 1.1 + 1e-9)
    assert found.broke is not None or found.held == most
    assert len(set(tried)) == len(tried) <= 24


def test_each_threshold_is_named_when_it_breaks() -> None:
    good = _figures()
    assert judge(good, 0.5, THRESHOLDS) == []
    for changed, load, word in (
        (replace(good, residual_loss=0.011), 0.5, "lost after repair"),
        (replace(good, audio_delay_p99=0.05), 0.5, "sound's delay p99 50 ms (at most 40)"),
        (replace(good, video_delay_p95=None), 0.5, "pictures' delay p95: nothing came"),
        (replace(good, frozen_share=0.01), 0.5, "frozen"),
        (replace(good, participants=3, connected=2), 0.5, "1 of 3 could not stay"),
        (replace(good, silent_streams=2), 0.5, "2 streams never came"),
        (good, 0.96, "worker's load 96 %"),
    ):
        (missed,) = judge(changed, load, THRESHOLDS)
        assert word in missed


def test_a_swarm_that_is_spent_before_the_bridge_is_told_apart() -> None:
    spent = replace(_figures(), late=0.2)
    assert swarm_was_limit(spent, 0.6, 1, THRESHOLDS)
    assert not swarm_was_limit(spent, 0.97, 1, THRESHOLDS)
    assert not swarm_was_limit(replace(_figures(), swarm_cpu=1.5), 0.6, 2, THRESHOLDS)


def test_cores_and_lines_of_the_national_busy_hour() -> None:
    carried = {(2, 1_000_000): Carried(120, 0.9, 0.0, "nothing"), (3, 1_000_000): Carried(60, 0.9, 0.0, "nothing")}
    busy_hour = next(demand for demand in DEMANDS if demand.calls == 952)
    found = need(busy_hour, 1_000_000, carried, 1e6, 0.0)
    assert found is not None
    # 952 × (0.6 / 120 + 0.4 / 60) / 0.6
    assert found.cores == 19
    assert found.bitrate_in == pytest.approx(2.285e9)
    assert found.bitrate_out == pytest.approx(952 * 3.6 * 1e6)
    assert need(busy_hour, 300_000, carried, 1e6, 0.0) is None
    page = markdown(carried, [found], 1e6, THRESHOLDS, "bridge-loadtest sweep", "Measured here.")
    assert "| national busy hour | 952 | 2,285 | 1 Mbit/s | 19 | 2.3 GB | 2.285 Gbit/s |" in page


def _sweep(*arguments: str) -> int:
    """Runs the command in a process of its own: a sweep raises the priority of its process, which would stay."""
    return subprocess.run([sys.executable, "-m", "loadtest", "sweep", *arguments], check=False).returncode


def test_a_sweep_writes_its_report(tmp_path: Path) -> None:
    sizing = tmp_path / "sizing.md"
    arguments = ["--sizes", "2", "--bitrates", "100k", "--first", "1", "--most", "1", "--settle", "1", "--seconds", "2"]
    code = _sweep(*arguments, "--out", str(tmp_path), "--sizing", str(sizing))
    document = json.loads((tmp_path / "sweep.json").read_text())
    assert document["state"] == "complete"
    (probe,) = document["probes"]
    assert (probe["rooms"], probe["figures"]["connected"]) == (1, 2)
    assert code == (0 if probe["held"] else 1)
    page = (tmp_path / "sweep.html").read_text()
    assert "Load of the worker" in page
    assert "<svg" in page
    assert "# Sizing" in sizing.read_text()
    resumed = tmp_path / "resumed"
    assert _sweep(*arguments, "--out", str(resumed), "--resume", str(tmp_path / "sweep.json")) == code
    assert json.loads((resumed / "sweep.json").read_text())["probes"] == document["probes"]


def test_bad_input_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, expected in (
        (["--sizes", "2,x"], "--sizes: 'x': expected a number from 2"),
        (["--bitrates", "fast"], "--bitrates"),
        (["--first", "0"], "--first: '0': expected a number from 1"),
        (["--frozen", "1"], "--frozen"),
        (["--resume", "nowhere.json"], "nowhere.json: no report of a sweep"),
    ):
        assert main(["sweep", *arguments]) == 2
        assert expected in capsys.readouterr().err
