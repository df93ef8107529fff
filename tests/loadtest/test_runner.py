"""Runs of scenarios whose participants fail: they are runs that failed, with a report, whoever failed and how many."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from loadtest.cli import main
from loadtest.participants import ParticipantError, Source
from loadtest.participants.samples import Sample
from loadtest.running.runner import Runner
from loadtest.scenario.description import ParticipantPlan, Scenario


@dataclass
class Unlucky:
    """Gets as far as its first sample."""

    name: str

    async def prepare(self) -> None: ...

    async def approach(self) -> None: ...

    async def join(self) -> None: ...

    async def switch(self, source: Source, on: bool) -> None: ...

    async def sample(self) -> Sample:
        raise ParticipantError(f"{self.name}: Connection refused")

    async def leave(self) -> None: ...

    async def close(self) -> None: ...


async def test_all_who_fail_at_once_are_told_of() -> None:
    plans = (ParticipantPlan("doctor"), ParticipantPlan("patient"))
    scenario = Scenario("unlucky", Path("unlucky.yaml"), plans, duration=30.0)
    runner = Runner(scenario, 1, lambda plan, _: Unlucky(plan.name), None, lambda *_: None)
    recording = await runner.run()
    assert recording.error is not None
    assert sorted(recording.error.split("; ")) == ["doctor: Connection refused", "patient: Connection refused"]


def test_a_bridge_on_loopback_is_refused_for_participants_with_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = tmp_path / "mine.yaml"
    scenario.write_text(
        "duration: 8s\nlines: {home: {both: {rate: 1M}}}\nparticipants: [{name: a, client: native, line: home}]\n"
    )
    arguments = ["run", str(scenario), "--out", str(tmp_path / "report"), "--token", "echo x"]
    for url in ("http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"):
        assert main([*arguments, "--bridge", url]) == 2
        assert "not loopback" in capsys.readouterr().err
