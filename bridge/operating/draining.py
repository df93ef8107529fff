"""Draining by an operator's word, which is written down before it is followed."""

from __future__ import annotations

import asyncio
import logging

from bridge.audit import AuditLog, Entry
from bridge.errors import BridgeError
from bridge.observability.operator_events import OperatorEvents
from bridge.room import Rooms

_log = logging.getLogger(__name__)


class Draining:
    """Whether the bridge drains. It is not kept over a restart: a bridge that starts takes calls."""

    def __init__(self, rooms: Rooms, log: AuditLog, events: OperatorEvents) -> None:
        self._rooms = rooms
        self._log = log
        self._events = events
        self._setting = asyncio.Lock()
        """One act at a time: what an act finds holds until it is done."""

    @property
    def active(self) -> bool:
        """Whether no new calls are taken."""
        return self._rooms.intake.draining

    async def set(self, draining: bool, actor: str) -> None:
        """Has it drain, or not; what holds already is done again without a trace.

        Raises `AuditError` where that cannot be written down in time, and does nothing then. It may stand in the log
        all the same: what was given to a disk that hangs is not taken back.
        """
        async with self._setting:
            if draining == self.active:
                return
            kind = "draining_started" if draining else "draining_ended"
            await self._log.confirm(Entry(kind, actor=actor))
            self._rooms.intake.draining = draining
            self._events.note(kind, "warning" if draining else "info", details={"by": actor})
            _log.info("The bridge drains" if draining else "The bridge takes new calls again")

    async def answer(self, wanted: str) -> bool:
        """What `bridge drain` asks over the local socket: "on" or "off"; whether it drains then."""
        if wanted not in ("on", "off"):
            raise BridgeError("bad_request", "Draining is on or off.", field="about")
        await self.set(wanted == "on", "operator")
        return self.active
