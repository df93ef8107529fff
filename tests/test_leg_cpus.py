import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.configuration import SettingsError
from bridge.leg_cpus import ALL, AUTO, HIGHEST, LegCpus, choose_cpus, format_cpus, parse_cpus
from bridge.settings import load_settings


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("auto", AUTO),
        ("all", ALL),
        ("3", frozenset({3})),
        ("2-3,6", frozenset({2, 3, 6})),
        ("6, 2-3", frozenset({2, 3, 6})),
        ("0-0", frozenset({0})),
    ],
)
def test_cpus_are_written_as_in_cpuset(text: str, cpus: LegCpus) -> None:
    assert parse_cpus(text) == cpus


@given(st.frozensets(st.integers(0, HIGHEST), min_size=1))
def test_what_is_written_is_read_back(cpus: frozenset[int]) -> None:
    assert parse_cpus(format_cpus(cpus)) == cpus


@pytest.mark.parametrize("text", ["", "Auto", "3-2", "1-", "-1", "1,,2", "1024", "0-9999", "1.5", "two", "0x1"])
def test_what_is_no_list_of_cpus_is_refused(tmp_path: Path, text: str) -> None:
    config = tmp_path / "bridge.toml"
    config.write_text(f"[legs]\ncpus = {text!r}\n")
    for environment in ({"BRIDGE_CONFIG": str(config)}, {"BRIDGE_LEGS_CPUS": text}):
        with pytest.raises(SettingsError) as refused:
            load_settings(environment=environment)
        assert refused.value.field == "legs.cpus"
        assert f'legs.cpus = {text!r}: expected "auto", "all" or CPUs such as "2-3,6"' in str(refused.value)


def test_a_number_has_to_stand_as_text(tmp_path: Path) -> None:
    config = tmp_path / "bridge.toml"
    config.write_text("[legs]\ncpus = 3\n")
    with pytest.raises(SettingsError, match=r"legs\.cpus = 3: expected"):
        load_settings(config, environment={})


@pytest.mark.parametrize(
    ("wanted", "workers", "cpus"),
    [
        (AUTO, 1, {4, 6, 7}),
        (AUTO, 3, {7}),
        # There is none to leave to the workers.
        (AUTO, 4, {2, 4, 6, 7}),
        (AUTO, 8, {2, 4, 6, 7}),
        (ALL, 1, {2, 4, 6, 7}),
        (frozenset({2, 4}), 4, {2, 4}),
    ],
)
def test_the_first_cpus_are_left_to_the_workers(
    monkeypatch: pytest.MonkeyPatch, wanted: LegCpus, workers: int, cpus: set[int]
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {2, 4, 6, 7})
    assert choose_cpus(wanted, workers) == cpus


def test_cpus_that_the_bridge_may_not_run_on_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {2, 3})
    with pytest.raises(SettingsError) as refused:
        choose_cpus(frozenset({0, 1, 3}), 1)
    assert refused.value.field == "legs.cpus"
    assert str(refused.value) == ("legs.cpus = '0-1,3': the bridge may not run on 0-1. (it may run on 2-3)")
