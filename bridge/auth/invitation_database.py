"""Invitations in SQLite: what a link was promised to be good for holds after a restart of the bridge, too.

A database of its own, beside that of the audit log: names stand in it, which are gone when an invitation is, while the
log is kept for years and handed on. Secrets, answers and identity numbers are in it as keyed hashes only.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from bridge.auth.invitations import Invitation, InvitationError
from bridge.auth.levels import Level

DATABASE = "invitations.sqlite3"
"""In the data directory."""
VERSION = 1
BUSY_SECONDS = 5.0
SWEEP_SECONDS = 600.0
"""Between deletions of what has expired."""

_SCHEMA = """
CREATE TABLE invitations (
    id TEXT PRIMARY KEY, code TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL, room TEXT NOT NULL, role TEXT NOT NULL,
    identity TEXT NOT NULL, name TEXT NOT NULL, level INTEGER NOT NULL, opens_at REAL NOT NULL,
    expires_at REAL NOT NULL, person TEXT, professional TEXT, question TEXT, answer TEXT,
    attempts_left INTEGER NOT NULL, taken_by TEXT, enters TEXT, made_by TEXT NOT NULL, made_at REAL NOT NULL
) STRICT;
CREATE INDEX invitations_listed ON invitations (tenant, made_at, id);
CREATE INDEX invitations_rooms ON invitations (tenant, room);
CREATE INDEX invitations_end ON invitations (expires_at)
"""
_COLUMNS = ", ".join(each.name for each in dataclasses.fields(Invitation))
_FIND = f"SELECT {_COLUMNS} FROM invitations WHERE expires_at > ? AND attempts_left > 0"  # noqa: S608

T = TypeVar("T")


class InvitationDatabase:
    """`InvitationStore` on disk, within bounds per vendor and in all. What it has answered for is on disk."""

    def __init__(self, path: Path | None, *, max_total: int = 50_000, max_per_tenant: int = 10_000) -> None:
        """`path` is the file; None for a database in memory, which ends with the process."""
        self._path = path
        self._max_total = max_total
        self._max_per_tenant = max_per_tenant
        self._using = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._sweeping: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Opens the file, or makes it at first. Raises `InvitationError` (`invitations_unavailable`)."""
        try:
            self._database = sqlite3.connect(
                ":memory:" if self._path is None else self._path,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            if self._path is not None:
                os.chmod(self._path, 0o600)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            # What is deleted is overwritten: names are gone when their invitation is.
            self._database.execute("PRAGMA secure_delete = ON")
            self._migrate(self._database)
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise _unavailable() from error

    def close(self) -> None:
        """Lets go of the file. Idempotent."""
        with self._using:
            if self._database is not None:
                self._database.close()
                self._database = None

    def start_sweeping(self, clock: Callable[[], float] = time.time) -> None:
        """Deletes what has expired from now on, until `stop_sweeping`; `clock` gives seconds since the epoch."""
        self._sweeping = asyncio.get_running_loop().create_task(self._sweep(clock))

    async def stop_sweeping(self) -> None:
        """Ends that. Idempotent."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
            self._sweeping = None

    async def add(self, invitation: Invitation, now: float) -> None:
        """Keeps it."""

        def write(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM invitations WHERE expires_at <= ?", (now,))
            total = _count(database, "SELECT count(*) FROM invitations")
            of_tenant = _count(database, "SELECT count(*) FROM invitations WHERE tenant = ?", invitation.tenant)
            if total >= self._max_total or of_tenant >= self._max_per_tenant:
                raise InvitationError(
                    "too_many_invitations",
                    "There are as many open invitations as the bridge keeps.",
                    hint="Revoke those that are not needed any more, or let them live shorter.",
                )
            values = [getattr(invitation, each.name) for each in dataclasses.fields(Invitation)]
            marks = ", ".join("?" * len(values))
            database.execute(f"INSERT INTO invitations ({_COLUMNS}) VALUES ({marks})", values)  # noqa: S608

        await self._write(write)

    async def find_by_code(self, code: str, now: float) -> Invitation | None:
        """The one of that code."""
        return await self._one(f"{_FIND} AND code = ?", now, code)

    async def find(self, invitation_id: str, now: float) -> Invitation | None:
        """The one of that id."""
        return await self._one(f"{_FIND} AND id = ?", now, invitation_id)

    async def find_for(self, tenant: str, room: str, role: str, who: frozenset[str], now: float) -> Invitation | None:
        """Any of them."""
        marks = ", ".join("?" * len(who))
        return await self._one(
            f"{_FIND} AND tenant = ? AND room = ? AND role = ? AND (person IN ({marks}) OR professional IN ({marks}))",
            now,
            tenant,
            room,
            role,
            *who,
            *who,
        )

    async def list_of(
        self, tenant: str, room: str | None, after: tuple[float, str], limit: int, now: float
    ) -> Sequence[Invitation]:
        """Those of a vendor, in order of being made."""
        in_room = "" if room is None else " AND room = ?"
        query = f"{_FIND} AND tenant = ?{in_room} AND (made_at, id) > (?, ?) ORDER BY made_at, id LIMIT ?"
        values = (now, tenant, *(() if room is None else (room,)), *after, limit)
        return await self._run(lambda database: [_read(row) for row in database.execute(query, values)])

    async def count_wrong_answer(self, invitation_id: str) -> int:
        """Counts one."""

        def write(database: sqlite3.Connection) -> int:
            database.execute(
                "UPDATE invitations SET attempts_left = max(0, attempts_left - 1) WHERE id = ?", (invitation_id,)
            )
            row = database.execute("SELECT attempts_left FROM invitations WHERE id = ?", (invitation_id,)).fetchone()
            return 0 if row is None else int(row[0])

        return await self._write(write)

    async def take(self, invitation_id: str, session: str) -> bool:
        """Takes it."""

        def write(database: sqlite3.Connection) -> bool:
            return (
                database.execute(
                    "UPDATE invitations SET taken_by = ? WHERE id = ? AND (taken_by IS NULL OR taken_by = ?)",
                    (session, invitation_id, session),
                ).rowcount
                == 1
            )

        return await self._write(write)

    async def revoke(self, tenant: str, invitation_id: str) -> bool:
        """Forgets it."""

        def write(database: sqlite3.Connection) -> bool:
            query = "DELETE FROM invitations WHERE tenant = ? AND id = ?"
            return database.execute(query, (tenant, invitation_id)).rowcount == 1

        return await self._write(write)

    async def forget_expired(self, now: float) -> None:
        """Deletes what has expired, with the names in it."""
        await self._write(lambda database: database.execute("DELETE FROM invitations WHERE expires_at <= ?", (now,)))

    # Inside

    async def _sweep(self, clock: Callable[[], float]) -> None:
        while True:
            # Whoever wants to use one is told that it cannot be read; the next time round may do better.
            with contextlib.suppress(InvitationError):
                await self.forget_expired(clock())
            await asyncio.sleep(SWEEP_SECONDS)

    async def _one(self, query: str, *values: object) -> Invitation | None:
        row = await self._run(lambda database: database.execute(f"{query} LIMIT 1", values).fetchone())
        return None if row is None else _read(row)

    async def _write(self, act: Callable[[sqlite3.Connection], T]) -> T:
        """In one transaction, which is on disk when this returns, or has changed nothing when it raises."""

        def run(database: sqlite3.Connection) -> T:
            database.execute("BEGIN IMMEDIATE")
            try:
                result = act(database)
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise
            return result

        return await self._run(run)

    async def _run(self, act: Callable[[sqlite3.Connection], T]) -> T:
        """In a thread: the disk may be slow."""

        def run() -> T:
            with self._using:
                if self._database is None:
                    raise _unavailable()
                return act(self._database)

        try:
            return await asyncio.to_thread(run)
        except sqlite3.Error as error:
            raise _unavailable() from error

    @staticmethod
    def _migrate(database: sqlite3.Connection) -> None:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            database.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA.split(";"):
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {VERSION}")
            database.execute("COMMIT")
        elif version != VERSION:
            raise sqlite3.DatabaseError(f"version {version}")


def _read(row: Sequence[Any]) -> Invitation:
    values = dict(zip((each.name for each in dataclasses.fields(Invitation)), row, strict=True))
    values["level"] = Level(values["level"])
    return Invitation(**values)


def _count(database: sqlite3.Connection, query: str, *values: object) -> int:
    return int(database.execute(query, values).fetchone()[0])


def _unavailable() -> InvitationError:
    return InvitationError(
        "invitations_unavailable",
        "The bridge cannot read or write its invitations at the moment.",
        hint="Try again in a moment.",
    )
