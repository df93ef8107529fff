"""What the system grants, and what is said where that is little."""

from __future__ import annotations

import logging
import resource

import pytest

from bridge.system_limits import FILES_WANTED, raise_file_limit


@pytest.mark.parametrize(("hard", "warned"), [(256, True), (FILES_WANTED, False), (resource.RLIM_INFINITY, False)])
def test_a_low_limit_of_open_files_is_warned_of(
    hard: int, warned: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (128, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: raised.append(limits))
    with caplog.at_level(logging.WARNING, "bridge.system_limits"):
        raise_file_limit()
    assert raised == [(hard, hard)]
    assert bool(caplog.records) is warned
