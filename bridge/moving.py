"""Moves what a bridge keeps from the files of its data directory to the server that `storage.url` names."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bridge import keeping, queues
from bridge.audit import HEAD, AuditReader, SealingKey, verify
from bridge.audit import store as audit
from bridge.auth import invitation_database as invitations
from bridge.data_directory import DataDirectory
from bridge.errors import BridgeError
from bridge.records import running_store as running
from bridge.records import store as records
from bridge.settings import Settings
from bridge.storage import Database, Place, SqlitePlace, Storage
from bridge.storage.choice import NODE_FILE, SHARED_FILE
from bridge.webhooks import outbox

ROWS_AT_ONCE = 1000
MOVED = ".moved"
"""What the names of files end with that have been moved."""

_OF_NODE = (
    (audit.STORE, audit.MIGRATIONS, ("entries", "seals", "checkpoints")),
    (outbox.STORE, outbox.MIGRATIONS, ("events",)),
    (records.STORE, records.MIGRATIONS, ("records",)),
    # A bridge that was killed leaves them to the one that starts on the server.
    (running.STORE, running.MIGRATIONS, ("running", "alive")),
    (queues.STORE, queues.MIGRATIONS, ("queues",)),
    (keeping.STORE, keeping.MIGRATIONS, ("kept_rooms", "bans")),
)
_SHARED = ((invitations.STORE, invitations.MIGRATIONS, ("invitations",)),)
_Stores = tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]
"""Of each its name, its steps and its tables."""


def move(settings: Settings) -> dict[str, int]:
    """Copies all tables, verifies the chain there, and sets the files aside. Gives the rows of each table.

    Raises `BridgeError` (`nothing_to_move`, `cannot_move`, `data_directory_in_use`), `StorageError` or `OSError`; the
    files are as they were then, and it can be done again. What was copied already is known by the end of the chain.
    """
    storage, data = Storage(settings), settings.data.directory
    if storage.server is None:
        raise BridgeError("nothing_to_move", "There is no server to move to.", field="storage.url")
    if not (data / NODE_FILE).exists():
        raise BridgeError("nothing_to_move", f"{data / NODE_FILE} is not there.", hint="Name its folder with --data.")
    directory = DataDirectory(data)
    try:
        key = SealingKey.load(data)
        here, there = SqlitePlace(data / NODE_FILE), storage.node(key.checker.node)
        head = _verify(here, data, key)
        copied = _copy_node(here, there)
        _verify(there, data, key)
        if (data / SHARED_FILE).exists():
            mark = f"moved from {key.checker.node} at {head}"
            copied |= _copy_shared(SqlitePlace(data / SHARED_FILE, erase=True), storage.shared(), mark)
            _set_aside(data, SHARED_FILE)
        _set_aside(data, NODE_FILE)
    finally:
        directory.release()
    return copied


def _verify(place: Place, data: Path, key: SealingKey) -> str:
    """Gives the head of the chain. Raises `BridgeError`."""
    reader = AuditReader(place, data / HEAD)
    try:
        verdict = verify(reader, key.checker)
    finally:
        reader.close()
    if verdict.findings:
        raise BridgeError("cannot_move", f"The audit log in {place.name} is not whole: {verdict.findings[0]}")
    return verdict.head


def _set_aside(data: Path, name: str) -> None:
    for part in data.glob(f"{name}*"):
        if not part.name.endswith(MOVED):
            part.rename(part.with_name(part.name + MOVED))


def _copy_node(source: Place, target: Place) -> dict[str, int]:
    """All or nothing, into tables that are empty; or counts what is there from an attempt that came so far."""
    with _both(source, target, _OF_NODE) as (reading, into):
        counts = {table: _count(into, table) for table in _tables(_OF_NODE)}
        if not any(counts.values()):
            return {table: _copy_table(reading, into, table) for table in counts}
        end = _end(reading)
        if end is None or _end(into) != end:
            used = next(table for table, rows in counts.items() if rows)
            raise BridgeError(
                "cannot_move",
                f"{target.name} is in use: there are {used} in it.",
                hint="If nothing of that is needed, drop the schema and move again.",
            )
        return counts


def _copy_shared(source: Place, target: Place, mark: str) -> dict[str, int]:
    """All or nothing, beside those of other nodes; or counts what an attempt that came so far has copied.

    That one left the mark. Copied again, what was revoked there meanwhile would be back.
    """
    with _both(source, target, _SHARED) as (reading, into):
        if into.version(mark):
            return {table: _count(reading, table) for table in _tables(_SHARED)}
        into.execute("INSERT INTO versions VALUES (?, 1)", (mark,))
        return {table: _copy_table(reading, into, table, instead="id") for table in _tables(_SHARED)}


@contextmanager
def _both(source: Place, target: Place, stores: _Stores) -> Iterator[tuple[Database, Database]]:
    """Both with their tables of one version, whichever bridge has written the files; the target in a transaction."""
    writing = source.connect()
    for store, steps, _ in stores:
        writing.migrate(store, steps)
    writing.close()
    reading, into = source.snapshot(), target.connect()
    try:
        for store, steps, _ in stores:
            into.migrate(store, steps)
        with into.transaction():
            yield reading, into
    finally:
        into.close()
        reading.close()


def _tables(stores: _Stores) -> list[str]:
    return [table for _, _, tables in stores for table in tables]


def _count(database: Database, table: str) -> int:
    return int(database.execute(f"SELECT count(*) FROM {table}").rows[0][0])  # noqa: S608


def _end(database: Database) -> tuple[Any, ...] | None:
    """The last entry of the chain and its hash."""
    marks = "SELECT seq, hash FROM seals UNION SELECT seq, hash FROM checkpoints ORDER BY seq DESC LIMIT 1"
    return database.execute(marks).first


def _copy_table(reading: Database, into: Database, table: str, instead: str | None = None) -> int:
    """Gives the rows; with `instead`, in the place of those that have the same in this column, which is the first."""
    count = 0
    # A snapshot's columns are in the order of the schema, which is the same in both.
    for rows in _batched(reading.stream(f"SELECT * FROM {table}")):  # noqa: S608
        if instead is not None:
            into.execute_many(f"DELETE FROM {table} WHERE {instead} = ?", [row[:1] for row in rows])  # noqa: S608
        marks = ", ".join("?" * len(rows[0]))
        into.execute_many(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608
        count += len(rows)
    return count


def _batched(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    while batch := list(itertools.islice(rows, ROWS_AT_ONCE)):
        yield batch
