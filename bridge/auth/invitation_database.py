"""Invitations in a database: what a link was promised to be good for holds after a restart of the bridge, too.

In a place of its own, beside that of the audit log: names stand in it, which are gone when an invitation is, while the
log is kept for years and handed on. Secrets, answers and identity numbers are in it as keyed hashes only.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from bridge.auth.invitations import Invitation, InvitationError
from bridge.auth.levels import Level
from bridge.storage import Place, StorageError, Value, in_time

STORE = "invitations"
SWEEP_SECONDS = 600.0
"""Between deletions of what has expired."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS invitations (
    id TEXT PRIMARY KEY, code TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL, room TEXT NOT NULL, role TEXT NOT NULL,
    identity TEXT NOT NULL, name TEXT NOT NULL, level INTEGER NOT NULL, opens_at REAL NOT NULL,
    expires_at REAL NOT NULL, person TEXT, professional TEXT, question TEXT, answer TEXT,
    attempts_left INTEGER NOT NULL, taken_by TEXT, enters TEXT, made_by TEXT NOT NULL, made_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS invitations_listed ON invitations (tenant, made_at, id);
CREATE INDEX IF NOT EXISTS invitations_rooms ON invitations (tenant, room);
CREATE INDEX IF NOT EXISTS invitations_end ON invitations (expires_at)
"""
MIGRATIONS = (_SCHEMA,)
_LEVEL = [each.name for each in dataclasses.fields(Invitation)].index("level")
_COLUMNS = ", ".join(each.name for each in dataclasses.fields(Invitation))
_FIND = f"SELECT {_COLUMNS} FROM invitations WHERE expires_at > ? AND attempts_left > 0"  # noqa: S608

T = TypeVar("T")


class InvitationDatabase:
    """`InvitationStore` in a database, within bounds per vendor and in all. What it has answered for is on disk."""

    def __init__(self, place: Place, *, max_total: int = 50_000, max_per_tenant: int = 10_000) -> None:
        """Other bridges may have theirs in the same `place`."""
        self._max_total = max_total
        self._max_per_tenant = max_per_tenant
        self._database = place.connect()
        self._sweeping: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Makes the table at first. Raises `InvitationError` (`invitations_unavailable`)."""
        try:
            self._database.migrate(STORE, MIGRATIONS)
        except StorageError as error:
            self.close()
            raise _unavailable() from error

    def close(self) -> None:
        """Lets go of the database. Idempotent."""
        self._database.close()

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

        def write() -> None:
            self._database.execute("DELETE FROM invitations WHERE expires_at <= ?", (now,))
            total = self._count("SELECT count(*) FROM invitations")
            of_tenant = self._count("SELECT count(*) FROM invitations WHERE tenant = ?", invitation.tenant)
            if total >= self._max_total or of_tenant >= self._max_per_tenant:
                raise InvitationError(
                    "too_many_invitations",
                    "There are as many open invitations as the bridge keeps.",
                    hint="Revoke those that are not needed any more, or let them live shorter.",
                )
            values = [getattr(invitation, each.name) for each in dataclasses.fields(Invitation)]
            values[_LEVEL] = int(invitation.level)
            marks = ", ".join("?" * len(values))
            self._database.execute(f"INSERT INTO invitations ({_COLUMNS}) VALUES ({marks})", values)  # noqa: S608

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
        return await self._run(lambda: [_read(row) for row in self._database.execute(query, values).rows])

    async def begin_answer(self, invitation_id: str) -> int | None:
        """Takes an attempt."""

        def write() -> int | None:
            query = "UPDATE invitations SET attempts_left = attempts_left - 1 WHERE id = ? AND attempts_left > 0"
            if self._database.execute(query, (invitation_id,)).count == 0:
                return None
            query = "SELECT attempts_left FROM invitations WHERE id = ?"
            row = self._database.execute(query, (invitation_id,)).first
            return 0 if row is None else int(row[0])

        return await self._write(write)

    async def give_back_attempt(self, invitation_id: str) -> None:
        """Counts it as none."""

        def write() -> None:
            query = "UPDATE invitations SET attempts_left = attempts_left + 1 WHERE id = ?"
            self._database.execute(query, (invitation_id,))

        await self._write(write)

    async def take(self, invitation_id: str, session: str) -> bool:
        """Takes it."""

        def write() -> bool:
            query = (
                "UPDATE invitations SET taken_by = ? "
                "WHERE id = ? AND attempts_left > 0 AND (taken_by IS NULL OR taken_by = ?)"
            )
            return self._database.execute(query, (session, invitation_id, session)).count == 1

        return await self._write(write)

    async def revoke(self, tenant: str, invitation_id: str) -> bool:
        """Forgets it."""

        def write() -> bool:
            query = "DELETE FROM invitations WHERE tenant = ? AND id = ?"
            return self._database.execute(query, (tenant, invitation_id)).count == 1

        return await self._write(write)

    async def forget_expired(self, now: float) -> None:
        """Deletes what has expired, with the names in it."""
        await self._write(lambda: self._database.execute("DELETE FROM invitations WHERE expires_at <= ?", (now,)))

    # Inside

    async def _sweep(self, clock: Callable[[], float]) -> None:
        while True:
            # Whoever wants to use one is told that it cannot be read; the next time round may do better.
            with contextlib.suppress(InvitationError):
                await self.forget_expired(clock())
            await asyncio.sleep(SWEEP_SECONDS)

    async def _one(self, query: str, *values: Value) -> Invitation | None:
        row = await self._run(lambda: self._database.execute(f"{query} LIMIT 1", values).first)
        return None if row is None else _read(row)

    async def _write(self, act: Callable[[], T]) -> T:
        """In one transaction, which is on disk when this returns.

        Where it raises, it has changed nothing, unless a server's answer was lost on the way.
        """

        def run() -> T:
            with self._database.transaction():
                return act()

        return await self._run(run)

    async def _run(self, act: Callable[[], T]) -> T:
        """In a thread: the disk, or the server, may be slow."""
        try:
            return await in_time(act)
        except StorageError as error:
            raise _unavailable() from error

    def _count(self, query: str, *values: Value) -> int:
        return int(self._database.execute(query, values).rows[0][0])


def _read(row: Sequence[Any]) -> Invitation:
    values = dict(zip((each.name for each in dataclasses.fields(Invitation)), row, strict=True))
    values["level"] = Level(values["level"])
    return Invitation(**values)


def _unavailable() -> InvitationError:
    return InvitationError(
        "invitations_unavailable",
        "The bridge cannot read or write its invitations at the moment.",
        hint="Try again in a moment.",
    )
