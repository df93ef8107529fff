"""Queues that outlive a restart of the bridge: what vendors have defined, in one file of the data directory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bridge.errors import BridgeError
from bridge.room import Queue, Rooms

FILE = "queues.json"


class Defined(msgspec.Struct, frozen=True):
    """What is kept of a queue: names, without the tenant in front of them."""

    tenant: str
    name: str
    rooms: list[str]


class QueueKeeper:
    """`Queues` of the REST API: changes what the rooms have, once it is on disk."""

    def __init__(self, data: Path, rooms: Rooms) -> None:
        self._path = data / FILE
        self._rooms = rooms
        self._changing = asyncio.Lock()

    def load(self) -> None:
        """Defines what was kept. Raises `BridgeError` (`queues_unreadable`), which names the file."""
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=list[Defined])
            for each in kept:
                self._rooms.define_queue(each.tenant, each.name, each.rooms)
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError, BridgeError) as error:
            raise BridgeError(
                "queues_unreadable", f"{self._path} cannot be used: {error}.", hint="Restore it, or move it away."
            ) from None

    async def define(self, tenant: str, name: str, rooms: Sequence[str]) -> Queue:
        """Makes a queue, or changes its rooms. Raises as `Rooms.define_queue`, and `queues_unavailable`."""
        async with self._changing:
            before = self._rooms.queues.get(f"{tenant}/{name}")
            queue = self._rooms.define_queue(tenant, name, rooms)
            try:
                await self._keep()
            except BridgeError:
                if before is None:
                    self._rooms.remove_queue(queue.id)
                else:
                    self._rooms.define_queue(tenant, name, [each.partition("/")[2] for each in before.rooms])
                raise
            return queue

    async def remove(self, queue_id: str) -> None:
        """Ends a queue, and the wait of everyone in it. Raises `queue_not_found`, `queues_unavailable`."""
        async with self._changing:
            await self._keep(without=queue_id)
            self._rooms.remove_queue(queue_id)

    async def _keep(self, without: str | None = None) -> None:
        kept = [
            Defined(
                queue.id.partition("/")[0], queue.id.partition("/")[2], [room.partition("/")[2] for room in queue.rooms]
            )
            for queue in self._rooms.queues.all()
            if queue.id != without
        ]
        try:
            await asyncio.to_thread(self._write, msgspec.json.encode(kept))
        except OSError as error:
            raise BridgeError(
                "queues_unavailable", "The bridge cannot keep its queues at the moment.", hint="Try again in a moment."
            ) from error

    def _write(self, content: bytes) -> None:
        """As a whole or not at all."""
        draft = self._path.with_suffix(".draft")
        with draft.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, self._path)
