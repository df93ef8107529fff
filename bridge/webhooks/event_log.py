"""The events of a vendor's rooms, to be read from a cursor. It reads beside those who write: SQLite lets it (WAL)."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from bridge.errors import BridgeError
from bridge.webhooks.outbox import Outbox

_BUSY_SECONDS = 5.0


class KeptEvent(msgspec.Struct, frozen=True):
    """An event as a vendor reads it."""

    id: str
    type: str
    timestamp: str
    data: dict[str, str | int | bool | float | None]


class EventLog:
    """`EventStore` of the REST API."""

    def __init__(self, path: Path, outbox: Outbox) -> None:
        """`path` is the database that `outbox` is in."""
        self._path = path
        self._outbox = outbox

    async def read(
        self, tenant: str, after: str | None, limit: int, *, room: str | None, type_: str | None
    ) -> list[KeptEvent]:
        """The next events of a vendor behind the event of the id `after`, or its oldest.

        Raises `BridgeError`: `cursor_expired` for an event that is kept no more (or never was), `events_unavailable`.
        """
        try:
            return await asyncio.to_thread(self._read, tenant, after, limit, room, type_)
        except sqlite3.Error:
            raise BridgeError("events_unavailable", "The events cannot be read at the moment.") from None

    async def replay(self, tenant: str, first: str, last: str | None, room: str | None) -> int:
        """Has events told again by webhooks: see `Outbox.replay`. Raises `events_unavailable` besides."""
        try:
            return await asyncio.to_thread(self._outbox.replay, tenant, first, last, room)
        except sqlite3.Error:
            raise BridgeError("events_unavailable", "The events cannot be read at the moment.") from None

    def _read(self, tenant: str, after: str | None, limit: int, room: str | None, type_: str | None) -> list[KeptEvent]:
        uri = f"file:{self._path}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)) as database:
            start = 0
            if after is not None:
                row = database.execute("SELECT seq FROM events WHERE tenant = ? AND id = ?", (tenant, after)).fetchone()
                if row is None:
                    raise BridgeError(
                        "cursor_expired",
                        "What came behind this cursor is not all kept any more.",
                        field="cursor",
                        hint="Read the rooms as they are now, and go on without a cursor.",
                    )
                start = row[0]
            rows = database.execute(
                "SELECT id, body FROM events WHERE tenant = ? AND seq > ? AND (? IS NULL OR room = ?) "
                "AND (? IS NULL OR type = ?) ORDER BY seq LIMIT ?",
                (tenant, start, room, room, type_, type_, limit),
            ).fetchall()
        return [msgspec.convert({"id": id_, **msgspec.json.decode(body)}, KeptEvent) for id_, body in rows]
