"""What a store needs of a database, whichever it is.

Stores write SQL that both databases understand: `?` for values, and in schemas the types of SQLite's strict tables
(INTEGER, REAL, TEXT, BLOB). What differs besides, is in `sqlite.py` and `postgresql.py`.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from bridge.errors import StorageError

Value = str | int | float | bytes | None
BUSY_SECONDS = 5.0
"""How long a transaction waits for another to end."""


class NewerVersionError(StorageError):
    """Another, newer bridge has written there."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a statement gave."""

    rows: list[tuple[Any, ...]]
    count: int
    """Rows that were changed, or given."""

    @property
    def first(self) -> tuple[Any, ...] | None:
        """The first row."""
        return self.rows[0] if self.rows else None


class Database(ABC):
    """A connection, made when it is first used and made anew after it was lost.

    Any thread may use it, one at a time. It blocks. Every method raises `StorageError`.
    """

    def __init__(self) -> None:
        self._using = threading.RLock()

    @abstractmethod
    def execute(self, statement: str, values: Sequence[Value] = ()) -> Result:
        """Runs a statement: in the transaction that this thread is in, else as one of its own."""

    @abstractmethod
    def execute_many(self, statement: str, rows: Sequence[Sequence[Value]]) -> None:
        """Runs a statement once for each row of values, within a transaction."""

    @abstractmethod
    def stream(self, statement: str, values: Sequence[Value] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows one after the other, however many there are. For snapshots."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing. No other transaction of this place runs meanwhile, on any connection or machine.

        What it has written when it ends is on disk, if the connection is a durable one. Where ending it raises, it may
        have been written all the same: the answer of a server can get lost.
        """

    @abstractmethod
    def check(self) -> None:
        """Looks whether it is there, at little cost; whether it can be written to is not told by that."""

    @abstractmethod
    def close(self) -> None:
        """Lets go of it for good. Idempotent."""

    def migrate(self, store: str, steps: Sequence[str]) -> None:
        """Takes the tables of a store to the last of the steps, each of which is statements between semicolons.

        The first one makes tables only where there are none. Raises `NewerVersionError` besides.
        """
        with self.transaction():
            version = self.version(store)
            if version > len(steps):
                raise NewerVersionError(
                    f"{store} is of version {version} there, this bridge knows version {len(steps)}"
                )
            if version == len(steps):
                return
            self._prepare()
            for step in steps[version:]:
                for statement in step.split(";"):
                    if statement.strip():
                        self.execute(self._definition(statement))
            self.execute(
                self._definition("CREATE TABLE IF NOT EXISTS versions (store TEXT PRIMARY KEY, version INTEGER)")
            )
            self.execute("DELETE FROM versions WHERE store = ?", (store,))
            self.execute("INSERT INTO versions VALUES (?, ?)", (store, len(steps)))

    @abstractmethod
    def version(self, store: str) -> int:
        """How many steps its tables have been taken; 0 for none."""

    @abstractmethod
    def _prepare(self) -> None:
        """Makes what tables are made in."""

    @abstractmethod
    def _definition(self, statement: str) -> str:
        """A statement that defines something, in this database's own words."""


class Place(Protocol):
    """Where tables are: a file, or a schema of a server."""

    @property
    def name(self) -> str:
        """What to call it in messages; without a password."""

    def exists(self) -> bool:
        """Whether anything was ever kept there. Raises `StorageError`."""

    def connect(self, *, durable: bool = True) -> Database:
        """For reading and writing; not `durable` where the last moments before a power cut may be forgotten."""

    def snapshot(self) -> Database:
        """For reading what is there at the moment of the first statement, for as long as it is open."""


def narrowed(which: list[str], values: list[Value], **columns: Value) -> tuple[str, list[Value]]:
    """A condition and its values, narrowed to those columns of which a value is given."""
    given = {column: value for column, value in columns.items() if value is not None}
    return " AND ".join([*which, *(f"{column} = ?" for column in given)]), [*values, *given.values()]
