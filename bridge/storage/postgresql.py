"""A place that is a schema of a PostgreSQL server."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import make_conninfo

from bridge.errors import StorageError
from bridge.storage.database import BUSY_SECONDS, Database, Result, Value

CONNECT_SECONDS = 5
RETRY_SECONDS = 1.0
"""After an attempt to connect that failed, others fail at once for so long: whoever waits for one holds a thread."""
STATEMENT_SECONDS = 60
IDLE_SECONDS = 10
"""After which the server ends a transaction in which a bridge has gone silent, so that others need not wait for it."""
SNAPSHOT_IDLE_SECONDS = 3600
ROWS_AT_ONCE = 1000
OLDEST = 13
"""The oldest major version of the server."""

_NETWORK: Mapping[str, str | int | None] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    # Milliseconds that what was sent may stay unacknowledged: a server that vanished is noticed in seconds.
    "tcp_user_timeout": 10_000,
    "gssencmode": "disable",
    "client_encoding": "UTF8",
    "application_name": "bridge",
}
_TYPES = {"INTEGER": "BIGINT", "REAL": "DOUBLE PRECISION", "BLOB": "BYTEA", "TEXT": 'TEXT COLLATE "C"'}
"""By those of SQLite. The collation is SQLite's, and changes with no system library."""
_LOST = (psycopg.OperationalError, psycopg.InternalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)
"""After these a new connection may do better: to the server that was started again, or that has taken over."""
_REFUSED = (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled)
"""After these of them none does: something took too long."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Examined:
    """What a server is like."""

    version: str
    line: str
    """How it is reached."""
    keeps: bool
    """Whether what it acknowledges is on its disk."""
    problem: str
    """Why it cannot be used; empty where it can."""


@dataclass(frozen=True, slots=True)
class Server:
    """How to reach a database."""

    parameters: Mapping[str, str]
    """Of libpq, without a password."""
    password: Callable[[], str | None] = field(default=lambda: None, repr=False)
    """Read for each connection, as it may change. Raises `OSError`."""

    @property
    def name(self) -> str:
        """Host and database."""
        return f"PostgreSQL at {self.parameters.get('host', 'localhost')}, database {self.parameters.get('dbname')}"

    def connect(self, *, reading: bool = False) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection on which every statement is a transaction. Raises `StorageError`.

        To the first of its hosts that takes writes; for reading to any, where none does: a standby may lag.
        """
        try:
            return self._reach("read-write")
        except StorageError:
            if not reading:
                raise
        return self._reach("any")

    def _reach(self, attributes: str) -> psycopg.Connection[tuple[Any, ...]]:
        try:
            reached = make_conninfo(
                "",
                **{
                    **_NETWORK,
                    "target_session_attrs": attributes,
                    **self.parameters,
                    "password": self.password(),
                },
            )
            return psycopg.connect(reached, autocommit=True, prepare_threshold=3)
        except (psycopg.Error, OSError) as error:
            raise _failure(error) from error

    def examine(self) -> Examined:
        """Looks without making anything. Raises `StorageError`."""
        with self.connect() as connection:
            info = connection.info
            row = connection.execute(
                "SELECT current_setting('fsync'), has_database_privilege(current_database(), 'CREATE')"
            ).fetchone()
            fsync, may_create = row or ("", False)
            problem = _unusable(connection) or ("" if may_create else "the role has no CREATE right on the database")
            encrypted = info.pgconn.ssl_in_use
            line = "TLS" if encrypted else "socket" if info.host.startswith("/") else "without TLS"
            return Examined(info.parameter_status("server_version") or "", line, fsync == "on", problem)


@dataclass(frozen=True, slots=True)
class PostgresPlace:
    """A `Place`. The schema is made with the first tables in it."""

    server: Server
    schema: str
    """Lower-case letters, digits and _."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", self.schema):
            raise ValueError(f"{self.schema!r} is no name for a schema")

    @property
    def name(self) -> str:
        """Host, database and schema."""
        return f"{self.server.name}, schema {self.schema}"

    def exists(self) -> bool:
        """Whether there is the schema."""
        with self.server.connect(reading=True) as connection:
            found = connection.execute("SELECT to_regnamespace(%s) IS NOT NULL", (self.schema,)).fetchone()
        return found is not None and bool(found[0])

    def connect(self, *, durable: bool = True) -> Database:
        """See `Place`."""
        session = {"synchronous_commit": "on" if durable else "off"}
        return _PostgresDatabase(self, {**session, "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s"})

    def snapshot(self) -> Database:
        """See `Place`."""
        session = {"idle_in_transaction_session_timeout": f"{SNAPSHOT_IDLE_SECONDS}s"}
        return _PostgresDatabase(self, session, reading=True)


class _PostgresDatabase(Database):
    def __init__(self, place: PostgresPlace, session: Mapping[str, str], *, reading: bool = False) -> None:
        super().__init__()
        self._place = place
        self._session = {
            # Nothing is looked for elsewhere, not even what this session itself has made for a time.
            "search_path": f"{place.schema}, pg_temp",
            "lock_timeout": f"{int(BUSY_SECONDS)}s",
            "statement_timeout": f"{STATEMENT_SECONDS}s",
            **session,
        }
        self._reading = reading
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._inside = False
        self._closed = False
        self._failed: tuple[float, StorageError] | None = None
        self._cursors = itertools.count()

    def execute(self, statement: str, values: Sequence[Value] = ()) -> Result:
        def run() -> Result:
            with self._use() as connection:
                cursor = connection.execute(_query(statement), values or None)
                return Result(cursor.fetchall() if cursor.description else [], cursor.rowcount)

        with self._using:
            # What writes may have been done though it failed; a snapshot does not go on with another.
            repeatable = statement.startswith("SELECT") and not self._inside and not self._reading
            return self._at_most_twice(run) if repeatable else run()

    def execute_many(self, statement: str, rows: Sequence[Sequence[Value]]) -> None:
        with self._use() as connection, connection.cursor() as cursor:
            cursor.executemany(_query(statement), rows)

    def stream(self, statement: str, values: Sequence[Value] = ()) -> Iterator[tuple[Any, ...]]:
        with self._use() as connection, connection.cursor(name=f"rows{next(self._cursors)}") as cursor:
            cursor.itersize = ROWS_AT_ONCE
            yield from cursor.execute(_query(statement), values or None)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._using:
            self._at_most_twice(self._begin)
            self._inside = True
            try:
                yield
                with self._use() as connection:
                    done = connection.execute("COMMIT").statusmessage
                if done != "COMMIT":
                    raise StorageError(f"the transaction ended with {done}")
            except BaseException:
                if self._connection is not None:
                    with suppress(psycopg.Error):
                        self._connection.execute("ROLLBACK")
                raise
            finally:
                self._inside = False

    def check(self) -> None:
        self.execute("SELECT 1")

    def close(self) -> None:
        with self._using:
            self._closed = True
            self._drop()

    def version(self, store: str) -> int:
        if self.execute("SELECT to_regclass('versions')").rows[0][0] is None:
            return 0
        found = self.execute("SELECT version FROM versions WHERE store = ?", (store,)).first
        return 0 if found is None else int(found[0])

    def _prepare(self) -> None:
        # Asked first: "IF NOT EXISTS" takes the right to make one even where there is one.
        if not self.execute("SELECT to_regnamespace(?) IS NOT NULL", (self._place.schema,)).rows[0][0]:
            self.execute(f"CREATE SCHEMA {self._place.schema}")

    def _definition(self, statement: str) -> str:
        return re.sub(r"\b(INTEGER|REAL|BLOB|TEXT)\b", lambda found: _TYPES[found[1]], statement)

    def _begin(self) -> None:
        # One transaction at a time in a schema, as in a file of SQLite: what follows reads what the last one wrote.
        lock = f"SELECT pg_advisory_xact_lock(hashtextextended('{self._place.schema}', 0))"
        try:
            with self._use() as connection:
                # Two statements in one message, which a prepared one cannot be.
                connection.execute(f"BEGIN ISOLATION LEVEL READ COMMITTED; {lock}", prepare=False)
        except StorageError:
            if self._connection is not None:
                # Whoever holds the lock does so for too long.
                with suppress(psycopg.Error):
                    self._connection.execute("ROLLBACK")
            raise

    def _at_most_twice(self, act: Callable[[], T]) -> T:
        """A connection from before the server was started again says so only when it is used; then a new one is."""
        used_before = self._connection is not None
        try:
            return act()
        except StorageError:
            if not used_before or self._connection is not None:
                raise
        return act()

    @contextmanager
    def _use(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        with self._using:
            try:
                yield self._connected()
            except (psycopg.Error, OSError) as error:
                lost = isinstance(error, _LOST) and not isinstance(error, _REFUSED)
                if lost or self._connection is None or self._connection.broken:
                    self._drop()
                # Its cause is not shown: a traceback in the log would hold the details.
                raise _failure(error) from None

    def _connected(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._connection is not None:
            return self._connection
        if self._closed:
            raise StorageError("the database is closed")
        if self._inside:
            raise StorageError("the connection was lost within the transaction")
        if self._failed is not None and time.monotonic() < self._failed[0] + RETRY_SECONDS:
            raise StorageError(str(self._failed[1]))
        try:
            self._connection = self._connect()
        except StorageError as error:
            self._failed = time.monotonic(), error
            raise
        self._failed = None
        return self._connection

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        connection = self._place.server.connect(reading=self._reading)
        try:
            problem = _unusable(connection)
            if problem:
                raise StorageError(problem)
            for name, value in self._session.items():
                connection.execute("SELECT set_config(%s, %s, false)", (name, value))
            if self._reading:
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        except BaseException as error:
            connection.close()
            if isinstance(error, psycopg.Error):
                raise _failure(error) from error
            raise
        return connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()


def _unusable(connection: psycopg.Connection[tuple[Any, ...]]) -> str:
    """Why the bridge cannot work with this server; empty where it can."""
    if connection.info.server_version < OLDEST * 10_000:
        return f"the server is older than PostgreSQL {OLDEST}"
    if connection.info.parameter_status("server_encoding") != "UTF8":
        return "the database's encoding is not UTF8"
    return ""


def _query(statement: str) -> str:
    return statement.replace("?", "%s")


def _failure(error: Exception) -> StorageError:
    """In one line; libpq writes several. Without the server's details, which hold what is in the rows."""
    told = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return StorageError(" ".join((told or str(error)).split()) or type(error).__name__)
