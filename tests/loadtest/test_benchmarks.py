"""The benchmarks of the audit log and of webhooks do what they say, with less of it; what a measured bridge logged."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import pytest

from loadtest import audit, webhooks
from loadtest.measure import DevelopmentBridge, logged_errors


async def test_every_event_comes_in_order_to_a_receiver_that_fails(tmp_path: Path) -> None:
    found = await webhooks.measure(tmp_path, rooms=5, each=4, failing=0.3, scale=1e6, seed=6)
    assert found.is_whole
    assert (found.delivered, found.rooms_in_order) == (20, 5)
    assert found.requests == 20 + found.refused + found.repeated
    assert found.refused > 0


async def test_a_bridge_that_writes_nothing_down_takes_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_WARM_UP", 1)
    program = (sys.executable, "-m", "loadtest.unaudited")
    with DevelopmentBridge.running(program=program) as bridge:
        found = await audit.measure(bridge, bridge, rounds=2, each=2, rate=100)
        with sqlite3.connect(bridge.data / "bridge.sqlite3") as database:
            assert database.execute("SELECT count(*) FROM events").fetchone() == (0,)
    assert (found.joins, found.rounds) == (4, 2)
    assert found.with_p50 > 0


def test_the_medians_of_rounds() -> None:
    found = audit.figures([[1.0, 2.0, 3.0], [2.0]], [[2.0, 2.5, 3.0], [4.0]])
    assert (found.joins, found.without_p50, found.with_p50) == (4, 2.0, 2.75)
    assert (found.added_p50, found.added_p50_least, found.added_p50_most) == (0.75, 0.5, 2.0)


def test_errors_that_the_bridge_logged_are_found() -> None:
    error = '{"level": "error", "message": "an event could not be handled"}'
    log = "\n".join(['{"level": "info", "message": "an error"}', "not JSON", "[]", error, '{"level": "warning"}'])
    assert logged_errors(log) == [error]
