"""Moves what a bridge keeps from the files of its data directory to the server that `storage.url` names."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bridge import queues
from bridge.audit import HEAD, AuditReader, SealingKey, verify
from bridge.audit import store as audit
from bridge.auth import invitation_database as invitations
from bridge.data_directory import DataDirectory
from bridge.errors import BridgeError
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
    (queues.STORE, queues.MIGRATIONS, ("queues",)),
)
_SHARED = ((invitations.STORE, invitations.MIGRATIONS, ("invitations",)),)
_Tables = tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]


def move(settings: Settings) -> dict[str, int]:
    """Copies all tables, verifies the chain there, and sets the files aside. Gives the rows of each table.

    Raises `BridgeError` (`nothing_to_move`, `cannot_move`, `data_directory_in_use`), `StorageError` or `OSError`; the
    files are as they were then.
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
        _verify(here, data, key)
        copied = {}
        if (data / SHARED_FILE).exists():
            # Of other nodes there may be some already, and these from an attempt that failed.
            copied = _copy(SqlitePlace(data / SHARED_FILE, erase=True), storage.shared(), _SHARED, instead="id")
        copied |= _copy(here, there, _OF_NODE)
        _verify(there, data, key)
        for name in (NODE_FILE, SHARED_FILE):
            for part in data.glob(f"{name}*"):
                part.rename(part.with_name(part.name + MOVED))
    finally:
        directory.release()
    return copied


def _verify(place: Place, data: Path, key: SealingKey) -> None:
    reader = AuditReader(place, data / HEAD)
    try:
        verdict = verify(reader, key.checker)
    finally:
        reader.close()
    if verdict.findings:
        raise BridgeError("cannot_move", f"The audit log in {place.name} is not whole: {verdict.findings[0]}")


def _copy(source: Place, target: Place, stores: _Tables, *, instead: str | None = None) -> dict[str, int]:
    """All or nothing, into tables that are empty, or instead of rows that have the same in the first column."""
    writing = source.connect()
    for store, steps, _ in stores:
        # Both of one version, whichever bridge has written the files.
        writing.migrate(store, steps)
    writing.close()
    reading, into = source.snapshot(), target.connect()
    copied = {}
    try:
        for store, steps, _ in stores:
            into.migrate(store, steps)
        with into.transaction():
            for table in itertools.chain.from_iterable(tables for _, _, tables in stores):
                if instead is None and into.execute(f"SELECT 1 FROM {table} LIMIT 1").rows:  # noqa: S608
                    raise BridgeError("cannot_move", f"{target.name} is in use: there are {table} in it.")
                copied[table] = _copy_table(reading, into, table, instead)
    finally:
        into.close()
        reading.close()
    return copied


def _copy_table(reading: Database, into: Database, table: str, instead: str | None) -> int:
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
