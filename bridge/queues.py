"""Queues that outlive a restart of the bridge: what vendors have defined, in the place of the node that has them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from bridge.errors import BridgeError
from bridge.room import Queue, Rooms
from bridge.storage import Place, StorageError, in_thread

STORE = "queues"
OLD_FILE = "queues.json"
"""In the data directory, where queues were kept before; what is in it is taken over once."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS queues (
    tenant TEXT NOT NULL, name TEXT NOT NULL, rooms TEXT NOT NULL, PRIMARY KEY (tenant, name)
)
"""
MIGRATIONS = (_SCHEMA,)


class Defined(msgspec.Struct, frozen=True):
    """What is kept of a queue: names, without the tenant in front of them."""

    tenant: str
    name: str
    rooms: list[str]


class QueueKeeper:
    """`Queues` of the REST API. What is acknowledged is on disk, and what the rooms have."""

    def __init__(self, place: Place, rooms: Rooms, old_file: Path | None = None) -> None:
        """`place` is the node's; `old_file` is `OLD_FILE`, which need not be there."""
        self._database = place.connect()
        self._name = place.name
        self._old_file = old_file
        self._rooms = rooms
        self._changing = asyncio.Lock()

    def load(self) -> None:
        """Defines what was kept. Raises `BridgeError` (`queues_unreadable`), which names where it is kept."""
        where = self._name
        try:
            self._database.migrate(STORE, MIGRATIONS)
            if self._old_file is not None and self._old_file.exists():
                where = str(self._old_file)
                self._take_over(self._old_file)
            rows = self._database.execute("SELECT tenant, name, rooms FROM queues ORDER BY tenant, name").rows
            for tenant, name, rooms in rows:
                self._rooms.owner.define_queue(tenant, name, msgspec.json.decode(rooms, type=list[str]))
        except (StorageError, OSError, msgspec.DecodeError, BridgeError) as error:
            raise BridgeError(
                "queues_unreadable", f"The queues in {where} cannot be used: {error}.", hint="Restore them."
            ) from None

    def close(self) -> None:
        """Lets go of the database. Idempotent."""
        self._database.close()

    async def define(self, tenant: str, name: str, rooms: Sequence[str]) -> Queue:
        """Makes a queue, or changes its rooms. Raises as `Rooms.define_queue`, and `queues_unavailable`.

        The rooms have it first, as they know what they refuse, and no longer if it cannot be kept.
        """
        async with self._changing:
            before = self._rooms.queues.get(f"{tenant}/{name}")
            queue = self._rooms.owner.define_queue(tenant, name, rooms)
            try:
                await self._write(lambda: self._put(Defined(tenant, name, list(rooms))))
            except BridgeError:
                if before is None:
                    self._rooms.owner.remove_queue(queue.id)
                else:
                    self._rooms.owner.define_queue(tenant, name, [each.partition("/")[2] for each in before.rooms])
                raise
            return queue

    async def remove(self, queue_id: str) -> None:
        """Ends a queue, and the wait of everyone in it. Raises `queue_not_found`, `queues_unavailable`."""
        tenant, _, name = queue_id.partition("/")
        async with self._changing:
            await self._write(lambda: self._take_out(tenant, name))
            self._rooms.owner.remove_queue(queue_id)

    async def _write(self, change: Callable[[], None]) -> None:
        def write() -> None:
            with self._database.transaction():
                change()

        try:
            await in_thread(write)
        except StorageError as error:
            raise BridgeError(
                "queues_unavailable", "The bridge cannot keep its queues at the moment.", hint="Try again in a moment."
            ) from error

    def _put(self, queue: Defined) -> None:
        self._take_out(queue.tenant, queue.name)
        self._database.execute(
            "INSERT INTO queues VALUES (?, ?, ?)", (queue.tenant, queue.name, json.dumps(queue.rooms))
        )

    def _take_out(self, tenant: str, name: str) -> None:
        self._database.execute("DELETE FROM queues WHERE tenant = ? AND name = ?", (tenant, name))

    def _take_over(self, file: Path) -> None:
        with self._database.transaction():
            for queue in msgspec.json.decode(file.read_bytes(), type=list[Defined]):
                self._put(queue)
        file.unlink()
