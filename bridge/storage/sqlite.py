"""A place that is a file of SQLite; several processes may use it at once (write-ahead log)."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.errors import StorageError
from bridge.storage.database import BUSY_SECONDS, Database, Result, Value

_NUMBERED_FILES = frozenset({"audit", "invitations"})
"""The stores whose version was the number of their file (`user_version`), before there was a table of versions. What
else was in the file of one had none, and is made only where it is not there."""


@dataclass(frozen=True, slots=True)
class SqlitePlace:
    """A `Place`. A `path` of None is memory, which each connection has for itself."""

    path: Path | None
    erase: bool = False
    """Whether what is deleted is overwritten."""

    @property
    def name(self) -> str:
        """The path."""
        return "memory" if self.path is None else str(self.path)

    def exists(self) -> bool:
        """Whether there is a file."""
        return self.path is not None and self.path.exists()

    def connect(self, *, durable: bool = True) -> Database:
        """See `Place`. Makes the file when it is first used."""
        return _SqliteDatabase(self, durable=durable, reading=False)

    def snapshot(self) -> Database:
        """See `Place`."""
        return _SqliteDatabase(self, durable=True, reading=True)


class _SqliteDatabase(Database):
    def __init__(self, place: SqlitePlace, *, durable: bool, reading: bool) -> None:
        super().__init__()
        self._place = place
        self._durable = durable
        self._reading = reading
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._closed = False

    def execute(self, statement: str, values: Sequence[Value] = ()) -> Result:
        with self._use() as connection:
            cursor = connection.execute(statement, values)
            rows = cursor.fetchall()
            return Result(rows, cursor.rowcount if cursor.description is None else len(rows))

    def execute_many(self, statement: str, rows: Sequence[Sequence[Value]]) -> None:
        with self._use() as connection:
            connection.executemany(statement, rows)

    def stream(self, statement: str, values: Sequence[Value] = ()) -> Iterator[tuple[Any, ...]]:
        with self._use() as connection:
            yield from connection.execute(statement, values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._use() as connection:
            self.check()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                connection.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself where the disk is full.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def check(self) -> None:
        with self._use():
            if self._place.path is not None and _identity(self._place.path) != self._file:
                # SQLite would go on writing to a file that nobody can find any more.
                raise StorageError(f"{self._place.path} was taken away while the bridge ran")

    def close(self) -> None:
        with self._using:
            self._closed = True
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def version(self, store: str) -> int:
        if self.execute("SELECT 1 FROM sqlite_master WHERE name = 'versions'").first is not None:
            found = self.execute("SELECT version FROM versions WHERE store = ?", (store,)).first
            if found is not None:
                return int(found[0])
        # The table may have come for another store, while this one's tables are as they were.
        return int(self.execute("PRAGMA user_version").rows[0][0]) if store in _NUMBERED_FILES else 0

    def _prepare(self) -> None:
        # The file is there since the connection is.
        return

    def _definition(self, statement: str) -> str:
        return f"{statement} STRICT" if statement.lstrip().startswith("CREATE TABLE") else statement

    @contextmanager
    def _use(self) -> Iterator[sqlite3.Connection]:
        with self._using:
            try:
                if self._connection is None:
                    if self._closed:
                        raise StorageError("the database is closed")
                    self._connection = self._connect()
                yield self._connection
            except (sqlite3.Error, OSError) as error:
                raise StorageError(str(error)) from error

    def _connect(self) -> sqlite3.Connection:
        path = self._place.path
        where = ":memory:" if path is None else f"{path.absolute().as_uri()}?mode={'ro' if self._reading else 'rwc'}"
        connection = sqlite3.connect(
            where, uri=path is not None, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            if self._reading:
                connection.execute("BEGIN")
            else:
                if path is not None:
                    os.chmod(path, 0o600)
                    self._file = _identity(path)
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'NORMAL'}")
                if self._place.erase:
                    connection.execute("PRAGMA secure_delete = ON")
        except BaseException:
            connection.close()
            raise
        return connection


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
