"""Draining by an operator's word: one act at a time, and none that is not written down."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from bridge.audit import AuditError, AuditLog, Entry
from bridge.audit.log import CONFIRM_SECONDS, unavailable
from bridge.observability import OperatorEvents
from bridge.observability.admin import TIMEOUT
from bridge.operating.draining import Draining
from tests.room.hall import Consultation


class SlowLog:
    """Writes an entry down when it is told to."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.ready = asyncio.Event()
        self.fails = False

    async def confirm(self, entry: Entry) -> None:
        """As `AuditLog` does."""
        await self.ready.wait()
        if self.fails:
            raise unavailable()
        self.written.append(entry.kind)


async def test_acts_at_the_same_time_are_done_one_after_the_other() -> None:
    log, events = SlowLog(), OperatorEvents()
    draining = Draining(Consultation().rooms, cast(AuditLog, log), events)
    acts = [asyncio.create_task(draining.set(wanted, "operator:x")) for wanted in (True, True, False)]
    await asyncio.sleep(0)
    assert not draining.active
    log.ready.set()
    await asyncio.gather(*acts)
    assert not draining.active
    assert log.written == ["draining_started", "draining_ended"]
    assert [event["kind"] for event in events.since(0)[1]] == log.written


async def test_what_cannot_be_written_down_is_not_done() -> None:
    log, events = SlowLog(), OperatorEvents()
    log.ready.set()
    draining = Draining(Consultation().rooms, cast(AuditLog, log), events)
    for active in (False, True):
        log.fails = True
        with pytest.raises(AuditError) as caught:
            await draining.set(not active, "operator:x")
        assert (caught.value.code, draining.active) == ("audit_unavailable", active)
        log.fails = False
        await draining.set(not active, "operator:x")
        assert draining.active is not active


def test_whoever_drains_from_a_shell_waits_long_enough_to_be_told_why_not() -> None:
    assert TIMEOUT > 2 * CONFIRM_SECONDS, "an act that waits for another"
