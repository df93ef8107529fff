"""The events of a vendor's rooms, to be read from a cursor."""

from __future__ import annotations

import msgspec

from bridge.errors import BridgeError
from bridge.storage import StorageError, in_time
from bridge.webhooks.outbox import TYPES, Outbox


class KeptEvent(msgspec.Struct, frozen=True):
    """An event as a vendor reads it."""

    id: str
    type: str
    timestamp: str
    data: dict[str, str | int | bool | float | None]


class EventLog:
    """`EventStore` of the REST API."""

    types = tuple(TYPES.values())

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def read(
        self, tenant: str, after: str | None, limit: int, *, room: str | None, type_: str | None
    ) -> list[KeptEvent]:
        """The next events of a vendor behind the event of the id `after`, or its oldest.

        Raises `BridgeError`: `cursor_expired` for an event that is kept no more (or never was), `events_unavailable`.
        """
        try:
            found = await in_time(self._outbox.read, tenant, after, limit, room, type_)
        except StorageError:
            raise BridgeError("events_unavailable", "The events cannot be read at the moment.") from None
        return [msgspec.convert({"id": each.id, **msgspec.json.decode(each.body)}, KeptEvent) for each in found]

    async def replay(self, tenant: str, first: str, last: str | None, room: str | None) -> int:
        """Has events told again by webhooks: see `Outbox.replay`. Raises `events_unavailable` besides."""
        try:
            return await in_time(self._outbox.replay, tenant, first, last, room)
        except StorageError:
            raise BridgeError("events_unavailable", "The events cannot be read at the moment.") from None
