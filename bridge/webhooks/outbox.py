"""What happened in vendors' rooms, as they are told it, in the audit log's database. Blocks: methods are for threads.

Every event is kept for a while, to be read again (`EventLog`); those of a vendor with an endpoint are *due* until they
were told.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bridge.audit import Entry, Row
from bridge.errors import BridgeError
from bridge.timestamps import timestamp

TYPES = {
    "room_opened": "room.started",
    "room_closed": "room.ended",
    "waiting_joined": "participant.waiting",
    "waiting_left": "participant.waiting_ended",
    "admitted": "participant.admitted",
    "participant_joined": "participant.joined",
    "participant_left": "participant.left",
    "consent_given": "consent.given",
    "consent_refused": "consent.refused",
    "video_consent_given": "video_consent.given",
    "video_consent_refused": "video_consent.refused",
    "recording_changed": "recording.changed",
    "recording_ready": "recording.ready",
    "invitation_proposed": "invitation.proposed",
    "session_ended": "session.ended",
    "call_ended": "call.ended",
}
"""Types of events, by kinds of entries; docs/vendors/rest.md lists them."""
MAX_DUE = 100_000
"""Events that wait to be told at most, of all vendors. What comes on top is not told; it can be read all the same."""
MAX_KEPT = 100_000
"""Events of one vendor that are kept at most; the oldest go first."""
TRIM_EVERY = 1000
"""Events of a vendor after which it is looked whether there are too many."""
MAX_REPLAY = 1000
"""Events that are told again for one request."""
BUSY_SECONDS = 5.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, room TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL,
    at INTEGER NOT NULL, body TEXT NOT NULL, attempts INTEGER NOT NULL, due REAL
) STRICT;
CREATE INDEX IF NOT EXISTS events_of_tenant ON events (tenant, seq);
CREATE UNIQUE INDEX IF NOT EXISTS events_by_id ON events (tenant, id);
CREATE INDEX IF NOT EXISTS events_due ON events (tenant, room, seq) WHERE due IS NOT NULL;
"""


@dataclass(frozen=True, slots=True)
class Message:
    """Something to tell."""

    seq: int
    """Of the audit log's entry: messages of a room are told in this order."""
    tenant: str
    id: str
    body: str = field(repr=False)
    attempts: int
    """How often it was tried in vain."""


class Outbox:
    """The events of the vendors that the bridge serves, and which of them are still to be told."""

    def __init__(self, path: Path, tenants: Collection[str], endpoints: Collection[str]) -> None:
        """`path` is the audit log's database; `endpoints` names those of the tenants that are told by webhooks."""
        self._path = path
        self._tenants = frozenset(tenants)
        self._endpoints = frozenset(endpoints)
        self._added: Counter[str] = Counter()
        self._using = threading.Lock()
        self._database: sqlite3.Connection | None = None

    def open(self) -> None:
        """Makes the table at first. Raises `sqlite3.Error`."""
        self._database = sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        for statement in _SCHEMA.split(";"):
            self._database.execute(statement)
        known = sorted(self._endpoints)
        # The operator took a vendor's endpoint out while messages waited.
        self._database.execute(
            f"UPDATE events SET due = NULL WHERE due IS NOT NULL AND tenant NOT IN ({','.join('?' * len(known))})",  # noqa: S608
            known,
        )
        # What was told and is forgotten by a power cut is told again.
        self._database.execute("PRAGMA synchronous = NORMAL")

    def close(self) -> None:
        """Lets go of the file. Idempotent."""
        with self._using:
            if self._database is not None:
                self._database.close()
                self._database = None

    def add(self, database: sqlite3.Connection, rows: Sequence[tuple[Row, Entry]]) -> None:
        """Adds the events that new entries are, in the transaction that writes them."""
        new = [(row, entry) for row, entry in rows if entry.tenant in self._tenants and entry.kind in TYPES]
        if not new:
            return
        room_left = database.execute("SELECT count(*) FROM events WHERE due IS NOT NULL").fetchone()[0] < MAX_DUE
        for row, entry in new:
            type_, due = TYPES[entry.kind], 0.0 if room_left and entry.tenant in self._endpoints else None
            event = (row.seq, entry.tenant, entry.room, event_id(row), type_, row.at, _body(row, entry), 0, due)
            database.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", event)
            self._added[entry.tenant] += 1
        for tenant in [tenant for tenant, added in self._added.items() if added >= TRIM_EVERY]:
            del self._added[tenant]
            database.execute(
                "DELETE FROM events WHERE tenant = ? AND due IS NULL AND seq <= "
                "(SELECT seq FROM events WHERE tenant = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)",
                (tenant, tenant, MAX_KEPT),
            )

    def due(self, tenant: str, now: float, limit: int) -> list[Message]:
        """The oldest message of each of a vendor's rooms, where it is due; `now` in seconds since the epoch."""
        with self._using:
            rows = self._open.execute(
                "SELECT seq, tenant, id, body, attempts FROM events WHERE due <= ? AND seq IN "
                "(SELECT min(seq) FROM events WHERE tenant = ? AND due IS NOT NULL GROUP BY room) ORDER BY seq LIMIT ?",
                (now, tenant, limit),
            ).fetchall()
        return [Message(*row) for row in rows]

    def done(self, message: Message) -> None:
        """It was told, or is told no more."""
        with self._using:
            self._open.execute("UPDATE events SET due = NULL WHERE seq = ?", (message.seq,))

    def put_off(self, message: Message, until: float) -> None:
        """It was tried in vain, and is due again at `until`."""
        with self._using:
            self._open.execute("UPDATE events SET attempts = attempts + 1, due = ? WHERE seq = ?", (until, message.seq))

    def replay(self, tenant: str, first: str, last: str | None, room: str | None) -> int:
        """Has the events from `first` to `last` (or the newest), of one room or all, told again; gives how many.

        Raises `BridgeError`: `no_webhook_endpoint`, `event_not_found`, `replay_too_large`, `too_many_events_due`.
        """
        if tenant not in self._endpoints:
            raise BridgeError(
                "no_webhook_endpoint", "This vendor has no endpoint.", hint="The operator sets one: webhooks.endpoints."
            )
        with self._using:
            database = self._open
            start = self._seq(tenant, first, "first")
            end = 2**63 - 1 if last is None else self._seq(tenant, last, "last")
            which = "tenant = ? AND seq BETWEEN ? AND ? AND (? IS NULL OR room = ?)"
            values = (tenant, start, end, room, room)
            count = database.execute(f"SELECT count(*) FROM events WHERE {which}", values).fetchone()[0]  # noqa: S608
            if count > MAX_REPLAY:
                raise BridgeError(
                    "replay_too_large",
                    f"These are {count} events.",
                    field="last",
                    hint=f"At most {MAX_REPLAY} are told again for one request.",
                )
            waiting = database.execute("SELECT count(*) FROM events WHERE due IS NOT NULL").fetchone()[0]
            if waiting + count > MAX_DUE:
                raise BridgeError("too_many_events_due", "Too many events wait to be told.", hint="Try again later.")
            database.execute(f"UPDATE events SET due = 0.0, attempts = 0 WHERE {which}", values)  # noqa: S608
        return int(count)

    def forget(self, before: float) -> int:
        """Takes out events older than `before` (seconds since the epoch) that are not due; gives how many."""
        with self._using:
            limit = int(before * 1e6)
            return self._open.execute("DELETE FROM events WHERE at < ? AND due IS NULL", (limit,)).rowcount

    def __len__(self) -> int:
        """How many are due."""
        with self._using:
            return int(self._open.execute("SELECT count(*) FROM events WHERE due IS NOT NULL").fetchone()[0])

    def _seq(self, tenant: str, event: str, field: str) -> int:
        row = self._open.execute("SELECT seq FROM events WHERE tenant = ? AND id = ?", (tenant, event)).fetchone()
        if row is None:
            raise BridgeError(
                "event_not_found", "There is no such event, or it is kept no more.", field=field, hint="GET /v1/events"
            )
        return int(row[0])

    @property
    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            raise sqlite3.ProgrammingError("the outbox is closed")
        return self._database


def event_id(row: Row) -> str:
    """The id of the event that an entry of the audit log is: `webhook-id`, and where readers go on from."""
    return f"msg_{row.hash.hex()[:32]}"


def _body(row: Row, entry: Entry) -> str:
    data: dict[str, object] = {"room": entry.room, **entry.details, **entry.attachment}
    if entry.identity:
        data["identity"] = entry.identity
    return json.dumps({"type": TYPES[entry.kind], "timestamp": timestamp(row.at), "data": data}, ensure_ascii=False)
