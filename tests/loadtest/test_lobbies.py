"""Lobbies: read, planned, played through the bridge's public doors, and what light peers need for them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from loadtest.cli import main
from loadtest.errors import InputError
from loadtest.lobbies.lag import quantile
from loadtest.lobbies.schedule import schedule
from loadtest.scenario.description import Lobbies
from loadtest.scenario.reading import read_scenarios
from loadtest.swarm.description import answer
from loadtest.swarm.keyframes import asks_for_keyframe, begins_keyframe
from loadtest.swarm.talk import VP8_KEYFRAME


def write(folder: Path, lobbies: str, more: str = "") -> Path:
    path = folder / "lobbies.yaml"
    path.write_text(f"duration: 2s\nlobbies: {{{lobbies}}}\n{more}")
    return path


def test_all_are_let_in_in_turn_and_see_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtest.lobbies.runner._SETTLE", 0.0)
    monkeypatch.setattr("loadtest.run.go_before_others", lambda process: None)
    path = write(
        tmp_path,
        "rooms: 3, waiting: 7, calls: 2, admits_per_minute: 120, joins_per_second: 40, processes: 2",
        # Nobody is let in faster than that, whatever the machine.
        'thresholds:\n  run: {failures: <= 0, admissions: ">= 4", door_to_picture_p95: <= 120s}\n',
    )
    code = main(["run", str(path), "--out", str(tmp_path)])
    report = json.loads((tmp_path / "report.json").read_text())
    (run,) = report["runs"]
    figures = run["run"]["figures"]["whole"]
    assert code == 0, run["run"]["remarks"]
    assert (run["state"], figures["admissions"], figures["rest_requests"]) == ("passed", 4, 40)
    assert 0 < figures["door_to_picture_p50"] <= figures["door_to_picture_max"]
    assert figures["doctor_to_picture_p50"] > 0
    assert figures["event_loop_lag_p99"] > 0
    # Some of those who waited moved up.
    assert figures["lobby_changes"] > 0
    assert set(run["run"]["figures"]) == {"whole"}
    assert len(run["run"]["courses"]["door_to_picture"]["patient"]) == 4
    suite = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert len(suite.findall(".//testcase")) == 4
    assert "create an invitation: 10 times" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("lobbies", "more", "expected"),
    [
        ("rooms: 2, waiting: 4", "", "expected admits_per_minute"),
        ("rooms: 0, waiting: 4, admits_per_minute: 60", "", "a whole number from 1"),
        ("rooms: 2, waiting: 4, admits_per_minute: fast", "", "a number above 0"),
        ("rooms: 2, waiting: 3, admits_per_minute: 90", "", "4 or more, as 3 are let in by 2 doctors"),
        ("rooms: 2, waiting: 4, calls: 3, admits_per_minute: 60", "", "a whole number from 0 to 2"),
        ("rooms: 2, waiting: 4, admits_per_minute: 60, room: 3", "", "room"),
        ("rooms: 2, waiting: 4, admits_per_minute: 60", "settle: 1s", "a scenario with lobbies has none"),
        ("rooms: 2, waiting: 4, admits_per_minute: 60", "thresholds: {everyone: {join_time: <= 1s}}", "run only"),
    ],
)
def test_what_cannot_be_played_is_told(tmp_path: Path, lobbies: str, more: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        read_scenarios(write(tmp_path, lobbies, more))


def test_a_bridge_that_runs_already_takes_a_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "rooms: 2, waiting: 4, admits_per_minute: 60")
    assert main(["run", str(path), "--bridge", "http://127.0.0.1:1"]) == 2
    assert "--bridge and --api-key-file go together" in capsys.readouterr().err


def test_doctors_take_turns_at_the_pace_that_was_asked_for() -> None:
    lobbies = Lobbies(rooms=200, waiting=500, calls=100, admits_per_minute=100)
    plan = schedule(lobbies, 180, seed=3)
    assert plan == schedule(lobbies, 180, seed=3)
    assert (sum(plan.patients), len(set(plan.calls)), len(plan.admissions)) == (600, 100, 300)
    times = [at for at, _ in plan.admissions]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] < 180
    rooms = [room for _, room in plan.admissions]
    assert len(set(rooms[:200])) == 200
    admitted = Counter([*plan.calls, *rooms])
    assert all(admitted[room] <= count for room, count in enumerate(plan.patients))


def test_quantiles_between_two_readings_of_a_histogram() -> None:
    infinite = float("inf")
    before = {0.01: 10.0, 0.02: 10.0, infinite: 10.0}
    after = {0.01: 60.0, 0.02: 110.0, infinite: 110.0}
    assert quantile(before, after, 0.5) == pytest.approx(0.01)
    assert quantile(before, after, 0.99) == pytest.approx(0.0198)
    assert quantile(before, {**after, infinite: 210.0}, 0.99) == 0.02
    assert quantile(after, after, 0.5) is None


def test_keyframes_are_told_from_other_pictures() -> None:
    header = bytes([0x80, 96]) + bytes(10)
    assert begins_keyframe(header + VP8_KEYFRAME)
    assert not begins_keyframe(header + b"\x10\x11" + bytes(9))
    # A packet that goes on with a picture, and one of padding.
    assert not begins_keyframe(header + b"\x00" + VP8_KEYFRAME[1:])
    assert not begins_keyframe(header)
    # One header extension of one word; a picture id of 15 bits, TL0PICIDX and a layer in the payload descriptor.
    extended = bytes([0x90, 96]) + bytes(10) + bytes([0xBE, 0xDE, 0, 1]) + bytes(4)
    assert begins_keyframe(extended + bytes([0x90, 0xE0, 0x80, 1, 7, 0]) + VP8_KEYFRAME[1:])


def test_keyframes_that_are_asked_for() -> None:
    report = bytes([0x80, 201, 0, 1]) + bytes(4)
    assert asks_for_keyframe(report + bytes([0x81, 206, 0, 2]) + bytes(8))
    assert asks_for_keyframe(bytes([0x84, 206, 0, 4]) + bytes(16))
    assert not asks_for_keyframe(report + bytes([0x8F, 206, 0, 2]) + bytes(8))


def test_an_answer_takes_what_a_light_peer_can_take() -> None:
    offer = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:a\r\na=rtpmap:111 opus/48000/2\r\na=sendonly\r\n"
    offer += "m=video 9 UDP/TLS/RTP/SAVPF 102\r\na=mid:b\r\na=rtpmap:102 H264/90000\r\na=sendonly\r\n"
    offer += "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:c\r\na=rtpmap:96 VP8/90000\r\na=inactive\r\n"
    lines = answer(offer, "ufrag", "pwd", "AB:CD").split("\r\n")
    assert "a=group:BUNDLE a c" in lines
    assert [line for line in lines if line.startswith(("m=", "a=recvonly", "a=inactive"))] == [
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "a=recvonly",
        "m=video 0 UDP/TLS/RTP/SAVPF 102",
        "a=inactive",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
        "a=inactive",
    ]
    assert lines.count("a=setup:active") == 2
