"""The chain in a database. Blocks, so it is for a thread of its own; several processes may append to one chain."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bridge.audit.chain import GENESIS, Entry, Row, Seal, checkpoint_bytes, head_text, link, sealed_bytes
from bridge.audit.errors import AuditError
from bridge.audit.keys import SealingKey
from bridge.storage import Database, NewerVersionError, Place, StorageError

HEAD = "audit.head"
STORE = "audit"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, tenant TEXT NOT NULL, room TEXT NOT NULL,
    actor TEXT NOT NULL, subject TEXT NOT NULL, details TEXT NOT NULL, hash BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS seals (
    seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, previous INTEGER NOT NULL, at INTEGER NOT NULL, signature BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS checkpoints (
    seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, previous INTEGER NOT NULL, at INTEGER NOT NULL, signature BLOB NOT NULL
);
"""
MIGRATIONS = (_SCHEMA,)
Companion = Callable[[Database, Sequence[tuple[Row, Entry]]], None]
"""Writes what belongs to new entries, in their transaction."""
_MARK = "seq, hash, previous, at, signature"


class AuditStore:
    """The audit log of a node, open for appending."""

    def __init__(
        self,
        data: Path,
        place: Place,
        key: SealingKey,
        *,
        companion: Companion | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Opens the log in `place`, or begins it; `companion` writes along with it.

        In `data` is noted how far it reaches. Raises `AuditError` (`audit_lost`, `audit_unreadable`), `StorageError`,
        `OSError`.
        """
        self._place = place
        self._head = data / HEAD
        self._key = key
        self._companion = companion
        self._clock = clock
        self._reached = _seq_of(_read_head(self._head))
        """The last entry that is known to have been there."""
        self._tried: list[tuple[Sequence[Entry], Seal]] = []
        """Commits that failed, and may have been made all the same."""
        hint = f"Restore what is missing, or go on without it by moving {HEAD} to where the loss is looked into."
        if self._reached and not place.exists():
            raise AuditError("audit_lost", f"{place.name} is gone, though the audit log had begun.", hint=hint)
        self._database = place.connect()
        try:
            self._database.migrate(STORE, MIGRATIONS)
            try:
                self._end()
            except AuditError as error:
                raise AuditError(error.code, error.message, hint=hint) from None
        except NewerVersionError as error:
            self._database.close()
            raise AuditError(
                "audit_unreadable", f"{place.name}: {error}.", hint="Run the bridge that wrote it, or a newer one."
            ) from None
        except BaseException:
            self._database.close()
            raise

    def append(self, entries: Sequence[Entry]) -> Seal:
        """Adds entries at the end and seals them. When it returns, they are on disk. At least one is given.

        Entries of a commit that raised are added once, though they are given again. Raises `StorageError` (then nothing
        was added, or the connection was lost before the answer came), or `AuditError` (`audit_lost`).
        """
        with self._database.transaction():
            # A commit of which only the answer was lost is found again here: no other transaction runs beside this one.
            self._tried = [(tried, seal) for tried, seal in self._tried if self._has(seal)]
            done = {id(entry) for tried, _ in self._tried for entry in tried}
            entries = [entry for entry in entries if id(entry) not in done]
            if entries:
                self._tried.append((entries, self._add(entries)))
        seal = self._tried[-1][1]
        self._tried.clear()
        self._reached = seal.seq
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
        with self._database.transaction():
            row = self._database.execute(
                "SELECT max(seq) FROM seals WHERE seq < coalesce((SELECT min(seq) FROM entries WHERE at >= ?), "
                "(SELECT max(seq) FROM entries))",
                (limit,),
            ).rows[0]
            if row[0] is None:
                return 0
            seal = self._marks(f"SELECT {_MARK} FROM seals WHERE seq = ?", row[0])[0]  # noqa: S608
            checkpoint = self._signed(Seal(seal.seq, seal.hash, seal.previous, self._now(), b""), checkpoint_bytes)
            self._database.execute("DELETE FROM checkpoints")
            self._insert("checkpoints", checkpoint)
            removed = self._database.execute("DELETE FROM entries WHERE seq <= ?", (seal.seq,)).count
            self._database.execute("DELETE FROM seals WHERE seq <= ?", (seal.seq,))
        return removed

    def check(self) -> None:
        """Looks whether the database is there. Raises `StorageError`."""
        self._database.check()

    def close(self) -> None:
        """Lets go of the database."""
        self._database.close()

    def _add(self, entries: Sequence[Entry]) -> Seal:
        seq, previous = self._end()
        before = seq
        at = self._now()
        rows = []
        for entry in entries:
            seq += 1
            rows.append(link(previous, seq, at, entry))
            previous = rows[-1].hash
        self._database.execute_many(
            "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(r.seq, r.at, r.kind, r.tenant, r.room, r.actor, r.subject, r.details, r.hash) for r in rows],
        )
        if self._companion is not None:
            self._companion(self._database, list(zip(rows, entries, strict=True)))
        seal = self._signed(Seal(seq, previous, before, at, b""), sealed_bytes)
        self._insert("seals", seal)
        return seal

    def _end(self) -> tuple[int, bytes]:
        """Where the next entry follows: the last one, or the checkpoint, or nothing. Raises `AuditError`."""
        seq, digest = 0, GENESIS
        for table in ("seals", "checkpoints"):
            found = self._marks(f"SELECT {_MARK} FROM {table} ORDER BY seq DESC LIMIT 1")  # noqa: S608
            if found:
                seq, digest = found[0].seq, found[0].hash
                break
        if seq < self._reached:
            # A backup, or a standby that had not got everything. What was acknowledged is not written over in silence.
            raise AuditError(
                "audit_lost", f"{self._place.name} ends with entry {seq}, and had reached {self._reached}."
            )
        return seq, digest

    def _has(self, seal: Seal) -> bool:
        return bool(self._marks(f"SELECT {_MARK} FROM seals WHERE seq = ? AND hash = ?", seal.seq, seal.hash))  # noqa: S608

    def _marks(self, query: str, *values: int | bytes) -> list[Seal]:
        return [Seal(*row) for row in self._database.execute(query, values).rows]

    def _signed(self, seal: Seal, content: Callable[[Seal], bytes]) -> Seal:
        return Seal(seal.seq, seal.hash, seal.previous, seal.at, self._key.sign(content(seal)))

    def _insert(self, table: str, mark: Seal) -> None:
        values = (mark.seq, mark.hash, mark.previous, mark.at, mark.signature)
        self._database.execute(f"INSERT INTO {table} ({_MARK}) VALUES (?, ?, ?, ?, ?)", values)  # noqa: S608

    def _now(self) -> int:
        return int(self._clock() * 1e6)


class AuditReader:
    """The audit log of a node at one moment, for reading only; the bridge may go on writing meanwhile."""

    def __init__(self, place: Place, head: Path | None = None) -> None:
        """`head` is the file beside the database that says how far the chain reaches.

        Raises `AuditError` (`audit_unreadable`) where there is no log, or none of this version.
        """
        self._head = head
        self._database = place.snapshot()
        try:
            version = self._database.version(STORE)
        except StorageError as error:
            self._database.close()
            raise AuditError("audit_unreadable", f"{place.name} cannot be read: {error}.") from None
        if version != len(MIGRATIONS):
            self._database.close()
            raise AuditError("audit_unreadable", f"{place.name} holds no audit log of version {len(MIGRATIONS)}.")

    def rows(self) -> Iterator[Row]:
        """All entries, oldest first."""
        columns = "seq, at, kind, tenant, room, actor, subject, details, hash"
        for row in self._database.stream(f"SELECT {columns} FROM entries ORDER BY seq"):  # noqa: S608
            yield Row(*row)

    def seals(self) -> Iterator[Seal]:
        """All seals, oldest first."""
        return (Seal(*row) for row in self._database.stream(f"SELECT {_MARK} FROM seals ORDER BY seq"))  # noqa: S608

    def checkpoints(self) -> list[Seal]:
        """The checkpoint, or several where somebody added one."""
        rows = self._database.execute(f"SELECT {_MARK} FROM checkpoints ORDER BY seq").rows  # noqa: S608
        return [Seal(*row) for row in rows]

    def head(self) -> str | None:
        """What stands beside the database of how far the chain reaches; None for nothing."""
        return None if self._head is None else _read_head(self._head)

    def close(self) -> None:
        """Lets go of the database."""
        self._database.close()


def _read_head(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None


def _seq_of(head: str | None) -> int:
    number = "" if head is None else head.partition(":")[0]
    return int(number) if number.isdecimal() else 0
