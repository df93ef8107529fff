"""What is still to be told, in the audit log's database. Blocks: each method is for a thread."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bridge.audit import Entry, Row

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
    "recording_changed": "recording.changed",
    "recording_ready": "recording.ready",
}
"""Types of messages, by kinds of entries; docs/vendors/rest.md lists them."""
MAX_KEPT = 100_000
"""Messages that wait at most, of all vendors. What comes on top is not told; the audit log has it all the same."""
BUSY_SECONDS = 5.0


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
    """The messages to the vendors that have an endpoint."""

    def __init__(self, path: Path, tenants: Collection[str]) -> None:
        """`path` is the audit log's database."""
        self._path = path
        self._tenants = frozenset(tenants)
        self._using = threading.Lock()
        self._database: sqlite3.Connection | None = None

    def open(self) -> None:
        """Makes the table at first. Raises `sqlite3.Error`."""
        self._database = sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS outbox (seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, room TEXT NOT NULL, "
            "id TEXT NOT NULL, body TEXT NOT NULL, attempts INTEGER NOT NULL, due REAL NOT NULL) STRICT"
        )
        self._database.execute("CREATE INDEX IF NOT EXISTS outbox_rooms ON outbox (tenant, room, seq)")
        known = sorted(self._tenants)
        # The operator took a vendor's endpoint out while messages waited.
        self._database.execute(
            f"DELETE FROM outbox WHERE tenant NOT IN ({','.join('?' * len(known))})",  # noqa: S608
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
        """Adds what is to be told of new entries, in the transaction that writes them."""
        messages = [
            (row.seq, entry.tenant, entry.room, f"msg_{row.hash.hex()[:32]}", _body(row, entry))
            for row, entry in rows
            if entry.tenant in self._tenants and entry.kind in TYPES
        ]
        if messages and database.execute("SELECT count(*) FROM outbox").fetchone()[0] < MAX_KEPT:
            database.executemany("INSERT INTO outbox VALUES (?, ?, ?, ?, ?, 0, 0.0)", messages)

    def due(self, tenant: str, now: float, limit: int) -> list[Message]:
        """The oldest message of each of a vendor's rooms, where it is due; `now` in seconds since the epoch."""
        with self._using:
            rows = self._open.execute(
                "SELECT seq, tenant, id, body, attempts FROM outbox WHERE due <= ? AND seq IN "
                "(SELECT min(seq) FROM outbox WHERE tenant = ? GROUP BY room) ORDER BY seq LIMIT ?",
                (now, tenant, limit),
            ).fetchall()
        return [Message(*row) for row in rows]

    def done(self, message: Message) -> None:
        """It was told, or is told no more."""
        with self._using:
            self._open.execute("DELETE FROM outbox WHERE seq = ?", (message.seq,))

    def put_off(self, message: Message, until: float) -> None:
        """It was tried in vain, and is due again at `until`."""
        with self._using:
            self._open.execute("UPDATE outbox SET attempts = attempts + 1, due = ? WHERE seq = ?", (until, message.seq))

    def __len__(self) -> int:
        """How many wait."""
        with self._using:
            return int(self._open.execute("SELECT count(*) FROM outbox").fetchone()[0])

    @property
    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            raise sqlite3.ProgrammingError("the outbox is closed")
        return self._database


def _body(row: Row, entry: Entry) -> str:
    data: dict[str, object] = {"room": entry.room, **entry.details}
    if entry.identity:
        data["identity"] = entry.identity
    at = datetime.fromtimestamp(row.at / 1e6, UTC).isoformat().replace("+00:00", "Z")
    return json.dumps({"type": TYPES[entry.kind], "timestamp": at, "data": data}, ensure_ascii=False)
