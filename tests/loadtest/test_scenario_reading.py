"""Scenarios as people write them, and what they are told when they write them wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtest.errors import InputError
from loadtest.running.cast import Cast
from loadtest.scenario.description import Client, Scenario
from loadtest.scenario.reading import read_scenarios

SHIPPED = sorted((Path(__file__).parents[2] / "configs/scenarios").glob("*.yaml"))


def read(folder: Path, participants: str) -> Scenario:
    path = folder / "call.yaml"
    path.write_text(f"duration: 10s\nparticipants:\n{participants}")
    (scenario,) = read_scenarios(path)
    return scenario


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_scenario_that_comes_with_the_bridge_is_read(path: Path) -> None:
    assert read_scenarios(path)


def test_native_clients_are_as_many_as_one_likes_and_browsers_are_not(tmp_path: Path) -> None:
    many = read(tmp_path, "  - {name: doctor}\n  - {name: other, client: native, count: 40}\n")
    assert [plan.client for plan in many.participants].count(Client.NATIVE) == 40
    with pytest.raises(InputError, match="at most 16 browsers"):
        read(tmp_path, "  - {name: doctor, count: 9}\n  - {name: other, client: firefox, count: 8}\n")


@pytest.mark.parametrize(
    ("participant", "expected"),
    [
        ("{name: a, client: firefox, codec: h264}", "it is for clients that are not firefox"),
        ("{name: a, simulcast: false}", "it is for clients that are not chromium"),
        ("{name: a, client: firefox, simulcast: false}", "it is for clients that are not firefox"),
        ("{name: a, client: firefox, camera: {clip: talking-head}}", "no clip: Firefox plays none"),
        ("{name: a, client: firefox, microphone: {clip: beeps}}", "no clip: Firefox plays none"),
        ("{name: a, client: native, screen: 1s-2s}", "turns nothing on or off"),
        ("{name: a, client: whip, muted: {camera: 1s-2s}}", "turns nothing on or off"),
        ("{name: a, client: native, camera: {clip: talking-head}}", "brings its own clips"),
        ("{name: a, client: native, codec: av1}", "one of vp8, h264"),
        ("{name: a, client: sip}", "one of chromium, firefox, native, whip"),
    ],
)
def test_what_a_client_cannot_do_is_told(tmp_path: Path, participant: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected) as problem:
        read(tmp_path, f"  - {participant}\n")
    assert "call.yaml:3" in str(problem.value)


def test_the_plans_of_native_clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtest.running.cast.find", lambda: Path("bridge-swarm"))
    monkeypatch.setattr("loadtest.swarm.media.pictures", lambda codec, rate, size: Path(f"{codec}-{rate}"))
    monkeypatch.setattr("loadtest.swarm.media.speech", lambda: Path("speech"))
    scenario = read(
        tmp_path,
        "  - {name: a, client: native, microphone: off}\n"
        "  - {name: b, client: native, camera: off, codec: h264}\n"
        "  - {name: c, client: whip}\n"
        "  - {name: d, client: whip, camera: off, microphone: off}\n",
    )
    cast = Cast(scenario, "http://192.0.2.1:8080", lambda plan: f"token-{plan.name}", tmp_path)
    a, b, c, d = (vars(cast.make(plan, None))["plan"] for plan in scenario.participants)
    assert a["door"] == {"kind": "websocket", "url": "ws://192.0.2.1:8080/v1/signal", "token": "token-a"}
    assert [encoding["rid"] for encoding in a["video"]["encodings"]] == ["q", "h", "f"]
    assert "audio" not in a
    assert (b["audio"], "video" in b) == ("speech", False)
    assert (c["door"]["publish_url"], c["door"]["view_video"]) == ("http://192.0.2.1:8080/whip/call", 3)
    assert len(c["video"]["encodings"]) == 1
    assert d["door"]["publish_url"] is None
