"""All that a bridge writes down of rooms, on a clock that a test turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bridge.audit import Entry, Row, Trail
from bridge.audit.chain import GENESIS, link
from bridge.records import Ledger
from bridge.records.running import KINDS, Running
from bridge.room import Metering, Rooms, Session
from tests.signaling.house import Claims


class Books:
    """Entries of the audit log, with when they were written."""

    def __init__(self, rooms: Rooms, clock: Callable[[], float]) -> None:
        """`clock` is the rooms'."""
        self.written: list[tuple[Row, Entry]] = []
        self._clock = clock
        self._ledger = Ledger(self._append, self._pseudonym, clock=clock, wall_clock=clock)
        rooms.add_listener(Trail(self._append, self._pseudonym))
        rooms.add_listener(self._ledger)
        rooms.add_listener(Metering(clock, self._ledger.on_room_record))

    def opened(self, session: Session, identity: str, role: str, door: str = "websocket") -> Session:
        """A client has joined; gives its session."""
        room = session.room_id.partition("/")[2]
        self._ledger.on_opened(session, Claims("clinic", room, identity, "Kari Nordmann", role, frozenset()), door)
        return session

    def running(self) -> Running:
        """What runs, by all that was written."""
        running = Running({}, {})
        for row, entry in self.written:
            if entry.kind in KINDS:
                running.take(row, entry)
        return running

    def ends(self, since: int) -> list[Entry]:
        """The last entries, without what a bridge that was killed cannot know or says otherwise."""
        return [comparable(entry) for _, entry in self.written[since:] if entry.kind != "recording_changed"]

    def _append(self, entry: Entry) -> None:
        row = link(GENESIS, len(self.written) + 1, round(self._clock() * 1e6), entry)
        self.written.append((row, entry))

    def _pseudonym(self, tenant: str, identity: str) -> str:
        return f"pseudonym of {len(identity)} letters"


def comparable(entry: Entry) -> Entry:
    """Without reason, and without when the bridge was last known to run."""
    return replace(entry, details=_without(entry.details), attachment=_without(entry.attachment))


def _without(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in ("reason", "ended")}
