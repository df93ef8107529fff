"""Records in the audit log's database, written with the entries that they belong to. Blocks: it is for threads."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from bridge.audit import Entry, Row
from bridge.errors import BridgeError
from bridge.timestamps import timestamp

KINDS = {"call_ended": "call", "session_ended": "session"}
"""Kinds of records, by kinds of entries."""
BUSY_SECONDS = 5.0

Record = dict[str, str | int | float | bool | None]
"""The fields of a record; docs/vendors/records.md lists them."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, room TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL,
    at INTEGER NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS records_of_tenant ON records (tenant, seq);
CREATE UNIQUE INDEX IF NOT EXISTS records_by_id ON records (tenant, id);
"""


class RecordStore:
    """The records of a data directory, for the bridge that writes them."""

    def __init__(self, path: Path) -> None:
        """`path` is the audit log's database."""
        self._path = path
        self._using = threading.Lock()
        self._database: sqlite3.Connection | None = None

    def open(self) -> None:
        """Makes the table at first. Raises `sqlite3.Error`."""
        self._database = sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        for statement in _SCHEMA.split(";"):
            self._database.execute(statement)

    def close(self) -> None:
        """Lets go of the file. Idempotent."""
        with self._using:
            if self._database is not None:
                self._database.close()
                self._database = None

    def add(self, database: sqlite3.Connection, rows: Sequence[tuple[Row, Entry]]) -> None:
        """Adds the records of new entries, in the transaction that writes them."""
        for row, entry in rows:
            kind = KINDS.get(entry.kind)
            if kind is not None:
                body = json.dumps(_record(row, entry, kind), ensure_ascii=False, separators=(",", ":"))
                values = (row.seq, entry.tenant, entry.room, f"rec_{row.hash.hex()[:32]}", kind, row.at, body)
                database.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def forget(self, before: float) -> int:
        """Takes out records of what ended before `before` (seconds since the epoch); gives how many."""
        with self._using:
            if self._database is None:
                return 0
            return self._database.execute("DELETE FROM records WHERE at < ?", (int(before * 1e6),)).rowcount


class RecordArchive:
    """`RecordArchive` of the REST API."""

    def __init__(self, path: Path) -> None:
        """`path` is the audit log's database."""
        self._reader = RecordReader(path)

    async def page(
        self,
        tenant: str,
        after: str | None,
        limit: int,
        *,
        room: str | None,
        kind: str | None,
        since: int | None,
        until: int | None,
    ) -> list[Record]:
        """See `RecordReader.page`. Raises `BridgeError`: `cursor_expired`, `records_unavailable`."""
        try:
            return await asyncio.to_thread(
                self._reader.page, tenant, after, limit, room=room, kind=kind, since=since, until=until
            )
        except sqlite3.Error:
            raise BridgeError("records_unavailable", "The records cannot be read at the moment.") from None


class RecordReader:
    """The records of a data directory, for reading only; the bridge may go on writing meanwhile."""

    def __init__(self, path: Path) -> None:
        """`path` is the audit log's database."""
        self._path = path

    def page(
        self,
        tenant: str,
        after: str | None,
        limit: int,
        *,
        room: str | None,
        kind: str | None,
        since: int | None,
        until: int | None,
    ) -> list[Record]:
        """The next records of a vendor behind the record of the id `after`, or its oldest. Times: see `between`.

        Raises `BridgeError` (`cursor_expired`) for a record that is kept no more, and `sqlite3.Error`.
        """
        with closing(self._connect()) as database:
            start = 0
            if after is not None:
                row = database.execute(
                    "SELECT seq FROM records WHERE tenant = ? AND id = ?", (tenant, after)
                ).fetchone()
                if row is None:
                    raise BridgeError(
                        "cursor_expired",
                        "What came behind this cursor is not all kept any more.",
                        field="cursor",
                        hint="Begin again without a cursor.",
                    )
                start = row[0]
            rows = database.execute(
                "SELECT body FROM records WHERE tenant = ? AND seq > ? AND (? IS NULL OR room = ?) "
                "AND (? IS NULL OR kind = ?) AND at >= ? AND at < ? ORDER BY seq LIMIT ?",
                (tenant, start, room, room, kind, kind, *_span(since, until), limit),
            ).fetchall()
        return [json.loads(body) for (body,) in rows]

    def between(self, since: int | None, until: int | None, tenant: str | None) -> Iterator[Record]:
        """Records of what ended from `since` to before `until` (microseconds since the epoch), oldest first.

        Of one vendor, or of all. Raises `sqlite3.Error`.
        """
        with closing(self._connect()) as database:
            for (body,) in database.execute(
                "SELECT body FROM records WHERE at >= ? AND at < ? AND (? IS NULL OR tenant = ?) ORDER BY seq",
                (*_span(since, until), tenant, tenant),
            ):
                yield json.loads(body)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=BUSY_SECONDS, isolation_level=None)


def _span(since: int | None, until: int | None) -> tuple[int, int]:
    # What an integer of SQLite holds, whatever was asked for.
    most = 2**63 - 1
    return (0 if since is None else min(since, most)), (most if until is None else min(until, most))


def _record(row: Row, entry: Entry, kind: str) -> Record:
    record: Record = {
        "id": f"rec_{row.hash.hex()[:32]}",
        "record": kind,
        "tenant": entry.tenant,
        "room": entry.room,
        "ended": timestamp(row.at),
        **entry.details,
        **entry.attachment,
    }
    if entry.subject:
        record["person"] = entry.subject
    return record
