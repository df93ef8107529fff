"""What happened in vendors' rooms, as they are told it, in the audit log's place. Blocks: methods are for threads.

Every event is kept for a while, to be read again (`EventLog`); those of a vendor with an endpoint are *due* until they
were told.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from bridge.audit import Entry, Row
from bridge.errors import BridgeError
from bridge.storage import Database, Place, Value, narrowed, position_after
from bridge.timestamps import timestamp

TYPES = {
    "room_opened": "room.started",
    "room_closed": "room.ended",
    "waiting_joined": "participant.waiting",
    "waiting_left": "participant.waiting_ended",
    "admitted": "participant.admitted",
    "participant_joined": "participant.joined",
    "participant_left": "participant.left",
    "consent_asked": "consent.asked",
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
"""Events of one vendor that wait to be told at most. What comes on top is not told; it can be read all the same."""
MAX_KEPT = 100_000
"""Events of one vendor that are kept at most; the oldest go first."""
TRIM_EVERY = 1000
"""Events of a vendor after which it is looked whether there are too many."""
MAX_REPLAY = 1000
"""Events that are told again for one request."""
STORE = "events"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, room TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL,
    at INTEGER NOT NULL, body TEXT NOT NULL, attempts INTEGER NOT NULL, due REAL
);
CREATE INDEX IF NOT EXISTS events_of_tenant ON events (tenant, seq);
CREATE UNIQUE INDEX IF NOT EXISTS events_by_id ON events (tenant, id);
CREATE INDEX IF NOT EXISTS events_due ON events (tenant, room, seq) WHERE due IS NOT NULL;
"""
MIGRATIONS = (_SCHEMA,)


@dataclass(frozen=True, slots=True)
class Message:
    """Something to tell."""

    seq: int
    """Of the audit log's entry: messages of a room are told in this order."""
    tenant: str
    room: str
    id: str
    body: str = field(repr=False)
    attempts: int
    """How often it was tried in vain."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was told, or could have been."""

    id: str
    body: str = field(repr=False)


class Outbox:
    """The events of the vendors that the bridge serves, and which of them are still to be told.

    Methods raise `StorageError` besides what they say.
    """

    def __init__(self, place: Place, tenants: Collection[str], endpoints: Collection[str]) -> None:
        """`place` is the audit log's; `endpoints` names those of the tenants that are told by webhooks."""
        self._tenants = frozenset(tenants)
        self._endpoints = frozenset(endpoints)
        self._added: Counter[str] = Counter()
        # What was told and is forgotten by a power cut is told again.
        self._database = place.connect(durable=False)

    def open(self) -> None:
        """Makes the table at first. Raises `StorageError`."""
        self._database.migrate(STORE, MIGRATIONS)
        known = sorted(self._endpoints)
        elsewhere = f" AND tenant NOT IN ({','.join('?' * len(known))})" if known else ""
        # The operator took a vendor's endpoint out while messages waited.
        self._database.execute(f"UPDATE events SET due = NULL WHERE due IS NOT NULL{elsewhere}", known)  # noqa: S608

    def close(self) -> None:
        """Lets go of the database. Idempotent."""
        self._database.close()

    def add(self, database: Database, rows: Sequence[tuple[Row, Entry]]) -> None:
        """Adds the events that new entries are, in the transaction that writes them."""
        new = [(row, entry) for row, entry in rows if row.tenant in self._tenants and entry.kind in TYPES]
        if not new:
            return
        told = {row.tenant for row, _ in new} & self._endpoints
        # Each vendor has bounds of its own: one whose server is gone for days takes none from the others.
        told = {tenant for tenant in told if _due(database, tenant) < MAX_DUE}
        events: list[tuple[Value, ...]] = []
        for row, entry in new:
            type_, due = TYPES[entry.kind], 0.0 if row.tenant in told else None
            events.append((row.seq, row.tenant, row.room, event_id(row), type_, row.at, _body(row, entry), 0, due))
            self._added[row.tenant] += 1
        database.execute_many("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", events)
        for tenant in [tenant for tenant, added in self._added.items() if added >= TRIM_EVERY]:
            del self._added[tenant]
            database.execute(
                "DELETE FROM events WHERE tenant = ? AND due IS NULL AND seq <= "
                "(SELECT seq FROM events WHERE tenant = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)",
                (tenant, tenant, MAX_KEPT),
            )

    def due(self, tenant: str, now: float, limit: int) -> list[Message]:
        """The oldest message of each of a vendor's rooms, where it is due; `now` in seconds since the epoch."""
        rows = self._database.execute(
            "SELECT seq, tenant, room, id, body, attempts FROM events WHERE due <= ? AND seq IN "
            "(SELECT min(seq) FROM events WHERE tenant = ? AND due IS NOT NULL GROUP BY room) ORDER BY seq LIMIT ?",
            (now, tenant, limit),
        ).rows
        return [Message(*row) for row in rows]

    def done(self, message: Message) -> None:
        """It was told, or is told no more."""
        self._database.execute("UPDATE events SET due = NULL WHERE seq = ?", (message.seq,))

    def put_off(self, message: Message, until: float) -> None:
        """It was tried in vain, and is due again at `until`."""
        self._database.execute("UPDATE events SET attempts = attempts + 1, due = ? WHERE seq = ?", (until, message.seq))

    def read(self, tenant: str, after: str | None, limit: int, room: str | None, type_: str | None) -> list[Event]:
        """The next events of a vendor behind the event of the id `after`, or its oldest.

        Raises `BridgeError` (`cursor_expired`) for an event that is kept no more.
        """
        hint = "Read the rooms as they are now, and go on without a cursor."
        start = position_after(self._database, "events", tenant, after, hint)
        which, values = narrowed(["tenant = ?", "seq > ?"], [tenant, start], room=room, type=type_)
        query = f"SELECT id, body FROM events WHERE {which} ORDER BY seq LIMIT ?"  # noqa: S608
        return [Event(*row) for row in self._database.execute(query, (*values, limit)).rows]

    def replay(self, tenant: str, first: str, last: str | None, room: str | None) -> int:
        """Has the events from `first` to `last` (or the newest), of one room or all, told again; gives how many.

        Raises `BridgeError`: `no_webhook_endpoint`, `event_not_found`, `replay_too_large`, `too_many_events_due`.
        """
        if tenant not in self._endpoints:
            raise BridgeError(
                "no_webhook_endpoint", "This vendor has no endpoint.", hint="The operator sets one: webhooks.endpoints."
            )
        with self._database.transaction():
            start = self._seq(tenant, first, "first")
            end = 2**63 - 1 if last is None else self._seq(tenant, last, "last")
            which, values = narrowed(["tenant = ?", "seq BETWEEN ? AND ?"], [tenant, start, end], room=room)
            count = _count(self._database, f"SELECT count(*) FROM events WHERE {which}", values)  # noqa: S608
            if count > MAX_REPLAY:
                raise BridgeError(
                    "replay_too_large",
                    f"These are {count} events.",
                    field="last",
                    hint=f"At most {MAX_REPLAY} are told again for one request.",
                )
            if _due(self._database, tenant) + count > MAX_DUE:
                raise BridgeError("too_many_events_due", "Too many events wait to be told.", hint="Try again later.")
            self._database.execute(f"UPDATE events SET due = 0.0, attempts = 0 WHERE {which}", values)  # noqa: S608
        return count

    def forget(self, before: float) -> int:
        """Takes out events older than `before` (seconds since the epoch) that are not due; gives how many."""
        return self._database.execute("DELETE FROM events WHERE at < ? AND due IS NULL", (int(before * 1e6),)).count

    def __len__(self) -> int:
        """How many are due, of all vendors."""
        return _count(self._database, "SELECT count(*) FROM events WHERE due IS NOT NULL")

    def _seq(self, tenant: str, event: str, field: str) -> int:
        row = self._database.execute("SELECT seq FROM events WHERE tenant = ? AND id = ?", (tenant, event)).first
        if row is None:
            raise BridgeError(
                "event_not_found", "There is no such event, or it is kept no more.", field=field, hint="GET /v1/events"
            )
        return int(row[0])


def _due(database: Database, tenant: str) -> int:
    return _count(database, "SELECT count(*) FROM events WHERE tenant = ? AND due IS NOT NULL", (tenant,))


def _count(database: Database, query: str, values: Sequence[Value] = ()) -> int:
    return int(database.execute(query, values).rows[0][0])


def event_id(row: Row) -> str:
    """The id of the event that an entry of the audit log is: `webhook-id`, and where readers go on from."""
    return f"msg_{row.hash.hex()[:32]}"


def _body(row: Row, entry: Entry) -> str:
    data: dict[str, object] = {"room": entry.room, **entry.details, **entry.attachment}
    if entry.identity:
        data["identity"] = entry.identity
    return json.dumps({"type": TYPES[entry.kind], "timestamp": timestamp(row.at), "data": data}, ensure_ascii=False)
