"""The chain in SQLite. Blocks, so it is for a thread of its own; several processes may append to one file."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bridge.audit.chain import GENESIS, Entry, Row, Seal, checkpoint_bytes, head_text, link, sealed_bytes
from bridge.audit.errors import AuditError
from bridge.audit.keys import SealingKey

DATABASE = "bridge.sqlite3"
HEAD = "audit.head"
VERSION = 1
BUSY_SECONDS = 5.0

_SCHEMA = """
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, tenant TEXT NOT NULL, room TEXT NOT NULL,
    actor TEXT NOT NULL, subject TEXT NOT NULL, details TEXT NOT NULL, hash BLOB NOT NULL
) STRICT;
CREATE TABLE seals (
    seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, previous INTEGER NOT NULL, at INTEGER NOT NULL, signature BLOB NOT NULL
) STRICT;
CREATE TABLE checkpoints (
    seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, previous INTEGER NOT NULL, at INTEGER NOT NULL, signature BLOB NOT NULL
) STRICT;
"""
Companion = Callable[[sqlite3.Connection, Sequence[tuple[Row, Entry]]], None]
"""Writes what belongs to new entries, in their transaction."""
_MARK = "seq, hash, previous, at, signature"


class AuditStore:
    """The audit log of a data directory, open for appending."""

    def __init__(
        self,
        data: Path,
        key: SealingKey,
        *,
        companion: Companion | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Opens the database, or makes it at first; `companion` writes along with it.

        Raises `AuditError` (`audit_lost`), `sqlite3.Error`, `OSError`.
        """
        self._path = data / DATABASE
        self._head = data / HEAD
        self._key = key
        self._companion = companion
        self._clock = clock
        if self._head.exists() and not self._path.exists():
            raise AuditError(
                "audit_lost",
                f"{self._path} is gone, though the audit log had begun.",
                hint=f"Restore it from a backup, or begin a new log by moving {HEAD} to where the loss is looked into.",
            )
        self._database = sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            os.chmod(self._path, 0o600)
            self._file = _identity(self._path)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            with self._transaction():
                self._migrate()
        except BaseException:
            self._database.close()
            raise

    def append(self, entries: Sequence[Entry]) -> Seal:
        """Adds entries at the end and seals them. When it returns, they are on disk. At least one is given.

        Raises `sqlite3.Error` or `OSError` (then nothing was added), or `AuditError` (`audit_lost`).
        """
        if _identity(self._path) != self._file:
            # SQLite would go on writing to a file that nobody can find any more.
            raise AuditError("audit_lost", f"{self._path} was taken away while the bridge ran.")
        with self._transaction():
            seq, previous = self._end()
            before = seq
            at = self._now()
            rows = []
            for entry in entries:
                seq += 1
                rows.append(link(previous, seq, at, entry))
                previous = rows[-1].hash
            self._database.executemany(
                "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(r.seq, r.at, r.kind, r.tenant, r.room, r.actor, r.subject, r.details, r.hash) for r in rows],
            )
            if self._companion is not None:
                self._companion(self._database, list(zip(rows, entries, strict=True)))
            seal = self._signed(Seal(seq, previous, before, at, b""), sealed_bytes)
            self._insert("seals", seal)
        return seal

    def write_head(self, seal: Seal) -> None:
        """Notes beside the database how far the chain reaches, so that a shorter one is found. Raises `OSError`."""
        # Another process may append at the same time; whichever head stays is one of the chain.
        draft = self._head.with_suffix(f".{os.getpid()}")
        draft.write_text(head_text(seal.seq, seal.hash) + "\n", encoding="ascii")
        os.replace(draft, self._head)

    def prune(self, before: float) -> int:
        """Takes out entries older than `before` (seconds since the epoch), and signs where the chain begins now.

        Gives how many. Entries go by whole commits, oldest first, up to the first that has to stay. Raises as `append`.
        """
        limit = int(before * 1e6)
        with self._transaction():
            row = self._database.execute(
                "SELECT max(seq) FROM seals WHERE seq < coalesce((SELECT min(seq) FROM entries WHERE at >= ?), "
                "(SELECT max(seq) FROM entries))",
                (limit,),
            ).fetchone()
            if row[0] is None:
                return 0
            seal = next(_marks(self._database, f"SELECT {_MARK} FROM seals WHERE seq = ?", row[0]))  # noqa: S608
            checkpoint = self._signed(Seal(seal.seq, seal.hash, seal.previous, self._now(), b""), checkpoint_bytes)
            self._database.execute("DELETE FROM checkpoints")
            self._insert("checkpoints", checkpoint)
            removed = self._database.execute("DELETE FROM entries WHERE seq <= ?", (seal.seq,)).rowcount
            self._database.execute("DELETE FROM seals WHERE seq <= ?", (seal.seq,))
        return removed

    def close(self) -> None:
        """Lets go of the file."""
        self._database.close()

    def _migrate(self) -> None:
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            for statement in _SCHEMA.split(";"):
                self._database.execute(statement)
            self._database.execute(f"PRAGMA user_version = {VERSION}")
        elif version != VERSION:
            raise AuditError(
                "audit_unreadable",
                f"{self._path} is of version {version}, this bridge writes version {VERSION}.",
                hint="Run the bridge that wrote it, or a newer one.",
            )

    def _end(self) -> tuple[int, bytes]:
        """Where the next entry follows: the last one, or the checkpoint, or nothing."""
        for table in ("seals", "checkpoints"):
            for mark in _marks(self._database, f"SELECT {_MARK} FROM {table} ORDER BY seq DESC LIMIT 1"):  # noqa: S608
                return mark.seq, mark.hash
        return 0, GENESIS

    def _signed(self, seal: Seal, content: Callable[[Seal], bytes]) -> Seal:
        return Seal(seal.seq, seal.hash, seal.previous, seal.at, self._key.sign(content(seal)))

    def _insert(self, table: str, mark: Seal) -> None:
        values = (mark.seq, mark.hash, mark.previous, mark.at, mark.signature)
        self._database.execute(f"INSERT INTO {table} ({_MARK}) VALUES (?, ?, ?, ?, ?)", values)  # noqa: S608

    def _now(self) -> int:
        return int(self._clock() * 1e6)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            # SQLite has rolled back by itself where the disk is full.
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise


class AuditReader:
    """The audit log of a data directory, for reading only; the bridge may go on writing meanwhile."""

    def __init__(self, data: Path) -> None:
        """Raises `AuditError` (`audit_unreadable`) where there is none, or none of this version."""
        path = data / DATABASE
        self._head = data / HEAD
        try:
            self._database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
            version = self._database.execute("PRAGMA user_version").fetchone()[0]
            # One moment for all that is read.
            self._database.execute("BEGIN")
        except sqlite3.Error as error:
            raise AuditError("audit_unreadable", f"{path} cannot be read: {error}.") from None
        if version != VERSION:
            self._database.close()
            raise AuditError("audit_unreadable", f"{path} holds no audit log of version {VERSION}.")

    def rows(self) -> Iterator[Row]:
        """All entries, oldest first."""
        columns = "seq, at, kind, tenant, room, actor, subject, details, hash"
        for row in self._database.execute(f"SELECT {columns} FROM entries ORDER BY seq"):  # noqa: S608
            yield Row(*row)

    def seals(self) -> Iterator[Seal]:
        """All seals, oldest first."""
        return _marks(self._database, f"SELECT {_MARK} FROM seals ORDER BY seq")  # noqa: S608

    def checkpoints(self) -> list[Seal]:
        """The checkpoint, or several where somebody added one."""
        return list(_marks(self._database, f"SELECT {_MARK} FROM checkpoints ORDER BY seq"))  # noqa: S608

    def head(self) -> str | None:
        """What stands beside the database of how far the chain reaches; None for nothing."""
        try:
            return self._head.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None

    def close(self) -> None:
        """Lets go of the file."""
        self._database.close()


def _marks(database: sqlite3.Connection, query: str, *values: int) -> Iterator[Seal]:
    return (Seal(*row) for row in database.execute(query, values))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
