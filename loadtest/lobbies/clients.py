"""The clients of some rooms, in a process of their own: all come, then doctors let patients in at given times."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import uvloop

from loadtest.lobbies.lateness import Lateness
from loadtest.lobbies.room import Admission, Room, RoomPlan

_CALLS_PER_SECOND = 10.0
"""Calls that are begun before the load is."""
_LEAVING = 20
"""Rooms that are left at a time."""
_MOST_FAILURES = 1000
_TOLD_EVERY = 100


@dataclass(frozen=True)
class ClientsPlan:
    """What a process of clients plays."""

    url: str
    """Of the WebSocket door."""
    rooms: tuple[RoomPlan, ...]
    calls: tuple[int, ...]
    """Rooms (by index) in which a call is to be when the load begins."""
    joins_per_second: float
    admissions: tuple[tuple[float, int], ...]
    """Seconds from the beginning of the load, and the room (by index), by time."""


@dataclass
class ClientsOutcome:
    """What came of it while the load lasted; `failures` from the beginning to the end."""

    admissions: list[Admission] = field(default_factory=list)
    refused: int = 0
    """Admissions that were not carried out."""
    lobby_changes: int = 0
    failures: list[str] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    """Seconds, sampled a hundred times a second."""
    cpu: float = 0.0
    """CPU seconds."""


def play(plan: ClientsPlan, link: Connection) -> None:
    """The process. Over the link it tells "ready", is told when to begin, and tells the outcome.

    When to begin is in seconds of the wall clock. While clients come it tells how many did. It ends when the other end
    of the link is gone.
    """
    # Ctrl-C is for whoever started it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, BrokenPipeError):
        uvloop.run(_play(plan, link))


async def _play(plan: ClientsPlan, link: Connection) -> None:
    outcome = ClientsOutcome()

    def fail(text: str) -> None:
        if len(outcome.failures) < _MOST_FAILURES:
            outcome.failures.append(text)

    rooms = [Room(each, plan.url, fail) for each in plan.rooms]
    await _come(plan, rooms, link)
    await _begin_calls(plan, rooms)
    changes = sum(room.lobby_changes for room in rooms)
    link.send("ready")
    begin = await asyncio.to_thread(link.recv)
    assert isinstance(begin, float)
    lateness, cpu = Lateness(), time.process_time()
    lateness.start()
    found = await _admit(plan.admissions, rooms, begin)
    outcome.cpu = time.process_time() - cpu
    outcome.late = list(lateness.seconds)
    outcome.admissions = [each for each in found if each is not None]
    outcome.refused = len(found) - len(outcome.admissions)
    outcome.lobby_changes = sum(room.lobby_changes for room in rooms) - changes
    for room in rooms:
        room.check_places()
    link.send(outcome)
    # Whoever asked wants to look at the bridge before everyone leaves.
    await asyncio.to_thread(link.recv)
    gate = asyncio.Semaphore(_LEAVING)

    async def leave(room: Room) -> None:
        async with gate:
            await room.close()

    await asyncio.gather(*(leave(room) for room in rooms))


async def _come(plan: ClientsPlan, rooms: Sequence[Room], link: Connection) -> None:
    """Doctors first, then the first patient of every room, then the second."""
    coming: list[asyncio.Task[None]] = []
    before: list[asyncio.Task[None] | None] = [None] * len(rooms)
    begin = time.monotonic()

    async def come(room: Room, turn: int | None, earlier: asyncio.Task[None] | None) -> None:
        if earlier is not None:
            await earlier
        await (room.open() if turn is None else room.come(turn))

    most = max(len(room.patients) for room in plan.rooms)
    for turn in (None, *range(most)):
        for index, room in enumerate(rooms):
            if turn is not None and turn >= len(plan.rooms[index].patients):
                continue
            await asyncio.sleep(max(0.0, begin + len(coming) / plan.joins_per_second - time.monotonic()))
            task = before[index] = asyncio.ensure_future(come(room, turn, before[index]))
            coming.append(task)
            if len(coming) % _TOLD_EVERY == 0:
                link.send(len(coming))
    await asyncio.gather(*coming)
    link.send(len(coming))


async def _begin_calls(plan: ClientsPlan, rooms: Sequence[Room]) -> None:
    calls = []
    for index in plan.calls:
        calls.append(asyncio.ensure_future(rooms[index].admit()))
        await asyncio.sleep(1 / _CALLS_PER_SECOND)
    await asyncio.gather(*calls)


async def _admit(
    admissions: Sequence[tuple[float, int]], rooms: Sequence[Room], begin: float
) -> list[Admission | None]:
    gates = [asyncio.Lock() for _ in rooms]

    async def admit(at: float, index: int) -> Admission | None:
        await asyncio.sleep(max(0.0, begin + at - time.time()))
        async with gates[index]:
            return await rooms[index].admit()

    return await asyncio.gather(*(admit(at, index) for at, index in admissions))
