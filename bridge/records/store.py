"""Records in the audit log's place, written with the entries that they belong to. Blocks: it is for threads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from bridge.audit import Entry, Row
from bridge.errors import BridgeError
from bridge.storage import Database, Place, StorageError, Value, in_time, narrowed, position_after
from bridge.timestamps import timestamp

KINDS = {"call_ended": "call", "session_ended": "session"}
"""Kinds of records, by kinds of entries."""
STORE = "records"

Record = dict[str, str | int | float | bool | None]
"""The fields of a record; docs/vendors/records.md lists them."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, room TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL,
    at INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS records_of_tenant ON records (tenant, seq);
CREATE UNIQUE INDEX IF NOT EXISTS records_by_id ON records (tenant, id);
"""
MIGRATIONS = (_SCHEMA,)


class RecordStore:
    """The records of a node, for the bridge that writes them."""

    def __init__(self, place: Place) -> None:
        """`place` is the audit log's."""
        self.database = place.connect()
        """For reading them, too."""

    def open(self) -> None:
        """Makes the table at first. Raises `StorageError`."""
        self.database.migrate(STORE, MIGRATIONS)

    def close(self) -> None:
        """Lets go of the database. Idempotent."""
        self.database.close()

    def add(self, database: Database, rows: Sequence[tuple[Row, Entry]]) -> None:
        """Adds the records of new entries, in the transaction that writes them."""
        new: list[tuple[Value, ...]] = []
        for row, entry in rows:
            kind = KINDS.get(entry.kind)
            if kind is not None:
                body = json.dumps(_record(row, entry, kind), ensure_ascii=False, separators=(",", ":"))
                new.append((row.seq, row.tenant, row.room, f"rec_{row.hash.hex()[:32]}", kind, row.at, body))
        if new:
            database.execute_many("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", new)

    def forget(self, before: float) -> int:
        """Takes out records of what ended before `before` (seconds since the epoch); gives how many.

        Raises `StorageError`.
        """
        return self.database.execute("DELETE FROM records WHERE at < ?", (int(before * 1e6),)).count


class RecordArchive:
    """`RecordArchive` of the REST API."""

    def __init__(self, store: RecordStore) -> None:
        self._reader = RecordReader(store.database)

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
            return await in_time(
                self._reader.page, tenant, after, limit, room=room, kind=kind, since=since, until=until
            )
        except StorageError:
            raise BridgeError("records_unavailable", "The records cannot be read at the moment.") from None


class RecordReader:
    """The records of a node, for reading only."""

    def __init__(self, database: Database) -> None:
        """`database` is in the audit log's place; for `between` it is a snapshot."""
        self._database = database

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

        Raises `BridgeError` (`cursor_expired`) for a record that is kept no more, and `StorageError`.
        """
        hint = "Begin again without a cursor."
        start = position_after(self._database, "records", tenant, after, hint)
        which, values = narrowed(
            ["tenant = ?", "seq > ?", "at >= ?", "at < ?"], [tenant, start, *_span(since, until)], room=room, kind=kind
        )
        query = f"SELECT body FROM records WHERE {which} ORDER BY seq LIMIT ?"  # noqa: S608
        return [json.loads(body) for (body,) in self._database.execute(query, (*values, limit)).rows]

    def between(self, since: int | None, until: int | None, tenant: str | None) -> Iterator[Record]:
        """Records of what ended from `since` to before `until` (microseconds since the epoch), oldest first.

        Of one vendor, or of all. Raises `BridgeError` (`records_unavailable`) where there are none of this version, as
        before the bridge's first start, and `StorageError`.
        """
        if self._database.version(STORE) != len(MIGRATIONS):
            raise BridgeError(
                "records_unavailable",
                f"There are no records of version {len(MIGRATIONS)} here.",
                hint="They begin with the bridge's first start. Is this the data directory that it runs with?",
            )
        which, values = narrowed(["at >= ?", "at < ?"], [*_span(since, until)], tenant=tenant)
        query = f"SELECT body FROM records WHERE {which} ORDER BY seq"  # noqa: S608
        for (body,) in self._database.stream(query, values):
            yield json.loads(body)


def _span(since: int | None, until: int | None) -> tuple[int, int]:
    # What an integer of the databases holds, whatever was asked for.
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
