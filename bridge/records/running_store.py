"""What runs, in the audit log's place: written with the entries that change it. Blocks: it is for threads."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec

from bridge.audit import Entry, Row
from bridge.records.running import KINDS, Running, RunningCall, RunningParticipant, ids_of
from bridge.storage import Database, Place, Value

_log = logging.getLogger(__name__)

STORE = "running"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS running (id TEXT PRIMARY KEY, room TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS running_of_room ON running (room);
CREATE TABLE IF NOT EXISTS alive (id INTEGER PRIMARY KEY, at INTEGER NOT NULL);
"""
MIGRATIONS = (_SCHEMA,)


class RunningStore:
    """Rooms and participants of a node that are there now, and when the node last was. Raises `StorageError`."""

    def __init__(self, place: Place) -> None:
        """`place` is the audit log's."""
        # A sign of life that a power cut takes back is some seconds' worth. All else is written by the log.
        self._database = place.connect(durable=False)

    def open(self) -> None:
        """Makes the tables at first."""
        self._database.migrate(STORE, MIGRATIONS)

    def close(self) -> None:
        """Lets go of the database. Idempotent."""
        self._database.close()

    def follow(self, database: Database, rows: Sequence[tuple[Row, Entry]]) -> None:
        """Takes in what new entries change, in the transaction that writes them."""
        concerned = [(row, entry) for row, entry in rows if entry.kind in KINDS]
        if not concerned:
            return
        ids = ids_of(entry for _, entry in concerned)
        query = f"SELECT id, room, body FROM running WHERE id IN ({', '.join('?' * len(ids))})"  # noqa: S608
        running = _read(database.execute(query, ids).rows)
        for row, entry in concerned:
            running.take(row, entry)
        for column, values in (("room", running.ended_rooms), ("id", running.gone)):
            if values:
                database.execute_many(f"DELETE FROM running WHERE {column} = ?", [(each,) for each in values])  # noqa: S608
        changed: list[tuple[Value, ...]] = [(each, each, _text(call)) for each, call in running.calls.items()]
        changed += [(each, who.room_id, _text(who)) for each, who in running.participants.items()]
        if changed:
            database.execute_many(
                "INSERT INTO running VALUES (?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET room = excluded.room, body = excluded.body",
                changed,
            )

    def beat(self, at: int) -> None:
        """Notes that the bridge runs, at microseconds since the epoch."""
        self._database.execute("INSERT INTO alive VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at", (at,))

    def alive(self) -> int:
        """When the bridge last noted that it ran: microseconds since the epoch, 0 for never."""
        found = self._database.execute("SELECT at FROM alive").first
        return 0 if found is None else int(found[0])

    def left(self) -> Running:
        """All that is there and can be read; the rest is taken out, so that it is told once."""
        rows = self._database.execute("SELECT id, room, body FROM running").rows
        running = _read(rows)
        known = running.calls.keys() | running.participants.keys()
        unread = [(id_,) for id_, _, _ in rows if id_ not in known]
        if unread:
            self._database.execute_many("DELETE FROM running WHERE id = ?", unread)
        return running


def _read(rows: Sequence[tuple[str, str, str]]) -> Running:
    """What cannot be read, or belongs to a room that cannot, is left out: no bridge is kept from starting by it."""
    calls, participants = {}, {}
    for id_, room, body in rows:
        try:
            if id_ == room:
                calls[id_] = msgspec.json.decode(body, type=RunningCall)
            else:
                participants[id_] = msgspec.json.decode(body, type=RunningParticipant)
        except msgspec.DecodeError:
            # The body names people: it is not logged.
            _log.warning("What ran before cannot be read, and leaves no record", extra={"table": STORE})
    return Running(calls, participants)


def _text(body: RunningCall | RunningParticipant) -> str:
    return msgspec.json.encode(body).decode()
