"""Rooms and bans in the database of the node that has them. Blocks: it is for threads.

A room's row is gone when the room is over, and a ban's when the token would have ended by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from bridge.room import MAX_BANS, Ban, KeptRoom
from bridge.storage import Place

_log = logging.getLogger(__name__)

STORE = "rooms"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS kept_rooms (id TEXT PRIMARY KEY, at REAL NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS bans (
    tenant TEXT NOT NULL, token TEXT NOT NULL, ends_at REAL NOT NULL, PRIMARY KEY (tenant, token)
);
CREATE INDEX IF NOT EXISTS bans_end ON bans (ends_at)
"""
MIGRATIONS = (_SCHEMA,)


class RoomStore:
    """Raises `StorageError`. Times are in seconds since the epoch."""

    def __init__(self, place: Place, *, max_bans: int = MAX_BANS) -> None:
        """`place` is the node's. Of more bans than that, those go that end first."""
        # A killed process loses nothing by it. The audit log waits for the disk, and its entry of the same decision
        # comes a moment later, in the same file: two that wait for it would hold each other up.
        self._database = place.connect(durable=False)
        self._max_bans = max_bans

    def open(self) -> None:
        """Makes the tables at first."""
        self._database.migrate(STORE, MIGRATIONS)

    def close(self) -> None:
        """Lets go of the database. Idempotent."""
        self._database.close()

    def write(self, rooms: Mapping[str, KeptRoom | None], bans: Sequence[Ban], now: float) -> None:
        """Keeps these rooms as they are now, forgets those that are None, and adds bans: all or nothing."""
        with self._database.transaction():
            for room_id, room in rooms.items():
                self._database.execute("DELETE FROM kept_rooms WHERE id = ?", (room_id,))
                if room is not None:
                    body = msgspec.json.encode(room).decode()
                    self._database.execute("INSERT INTO kept_rooms VALUES (?, ?, ?)", (room_id, now, body))
            for ban in bans:
                self._database.execute("DELETE FROM bans WHERE tenant = ? AND token = ?", (ban.tenant, ban.token_id))
                self._database.execute("INSERT INTO bans VALUES (?, ?, ?)", (ban.tenant, ban.token_id, ban.until))
            if bans:
                self.forget_bans(now)
                last = "SELECT ends_at FROM bans ORDER BY ends_at DESC LIMIT ?"
                query = f"DELETE FROM bans WHERE ends_at < (SELECT min(ends_at) FROM ({last}) AS kept)"  # noqa: S608
                self._database.execute(query, (self._max_bans,))

    def rooms(self) -> tuple[list[KeptRoom], list[str], float]:
        """Those that can be read, the ids of all, and when the last of them was written; 0 where there are none."""
        rows = self._database.execute("SELECT id, at, body FROM kept_rooms").rows
        return (
            list(_read(body for _, _, body in rows)),
            [row[0] for row in rows],
            max((row[1] for row in rows), default=0.0),
        )

    def bans(self) -> list[Ban]:
        """All bans, those that end first at the end."""
        query = "SELECT tenant, token, ends_at FROM bans ORDER BY ends_at DESC LIMIT ?"
        return [Ban(*row) for row in self._database.execute(query, (self._max_bans,)).rows]

    def forget_bans(self, now: float) -> int:
        """Takes out bans of tokens that have ended; gives how many."""
        return self._database.execute("DELETE FROM bans WHERE ends_at <= ?", (now,)).count


def _read(bodies: Iterable[str]) -> Iterable[KeptRoom]:
    """What cannot be read is left out: no bridge is kept from starting by it."""
    for body in bodies:
        try:
            yield msgspec.json.decode(body, type=KeptRoom)
        except msgspec.DecodeError:
            # The body names people: it is not logged.
            _log.warning("A room of the bridge before this one cannot be read", extra={"table": "kept_rooms"})
