"""What the bridge has recorded of the lines of a room."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable

from bridge.observability import AdminClient
from loadtest.errors import Place
from loadtest.flight.record import FlightRecord, parse
from tests.support.bridge import Bridge
from tests.support.patience import PATIENCE


def records(bridge: Bridge, room: str) -> list[FlightRecord]:
    """The flight records of a room of tenant "dev"; none where nobody is in it."""
    reported = AdminClient(bridge.data).ask("report", f"dev/{room}") or []
    return [parse(each["connection"], base64.b64decode(each["record"]), Place(each["connection"])) for each in reported]


async def recorded(
    bridge: Bridge, room: str, wanted: Callable[[FlightRecord], bool], within: float = PATIENCE
) -> FlightRecord:
    """Waits until one of a room's lines is as wanted."""
    deadline = asyncio.get_running_loop().time() + within
    while True:
        found = await asyncio.to_thread(records, bridge, room)
        for record in found:
            if wanted(record):
                return record
        if asyncio.get_running_loop().time() > deadline:
            last = [record.estimates[-1:] for record in found]
            raise AssertionError(f"no line of the room was as wanted within {within} s; last estimates: {last}")
        await asyncio.sleep(0.5)
