"""A vendor's server that asks the REST API something at a steady pace, in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import httpx
import uvloop

from loadtest.lobbies.lateness import Lateness

LIST_ROOMS, CREATE_INVITATION, READ_EVENTS = "list rooms", "create an invitation", "read events"
_MIX = (LIST_ROOMS, CREATE_INVITATION, LIST_ROOMS, READ_EVENTS)
_TIMEOUT = 10.0


@dataclass(frozen=True)
class RequestsPlan:
    """What is asked: by turns the open rooms, for a new invitation, the open rooms, and for the next hundred events."""

    url: str
    key: str = field(repr=False)
    rooms: tuple[str, ...]
    """That invitations are made for."""
    per_second: float
    seconds: float


@dataclass
class RequestsOutcome:
    """What came of it."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    """From asking to the whole answer, by what was asked."""
    failures: list[str] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    """Of the process itself, sampled a hundred times a second."""
    cpu: float = 0.0


def play(plan: RequestsPlan, link: Connection) -> None:
    """The process. It tells "ready", is told when to begin (seconds of the wall clock), and tells the outcome."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, BrokenPipeError):
        uvloop.run(_play(plan, link))


async def _play(plan: RequestsPlan, link: Connection) -> None:
    outcome = RequestsOutcome()
    cursor: str | None = None
    rooms = itertools.cycle(plan.rooms)

    async def ask(client: httpx.AsyncClient, kind: str) -> None:
        nonlocal cursor
        begun = time.perf_counter()
        try:
            if kind == LIST_ROOMS:
                answer = await client.get("/v1/rooms", params={"limit": "100"})
            elif kind == CREATE_INVITATION:
                wanted = {"room": next(rooms), "role": "tolk", "lifetime": 3600}
                answer = await client.post("/v1/invitations", json=wanted)
            else:
                narrowed = {"limit": "100"} | ({"cursor": cursor} if cursor else {})
                answer = await client.get("/v1/events", params=narrowed)
        except httpx.HTTPError as error:
            outcome.failures.append(f"{kind}: {error!r}")
            return
        outcome.seconds.setdefault(kind, []).append(time.perf_counter() - begun)
        if not answer.is_success:
            outcome.failures.append(f"{kind}: {answer.status_code} {answer.text[:200]}")
        elif kind == READ_EVENTS:
            cursor = answer.json().get("next_cursor") or cursor

    headers = {"Authorization": f"Bearer {plan.key}"}
    async with httpx.AsyncClient(base_url=plan.url, headers=headers, timeout=_TIMEOUT, trust_env=False) as client:
        for kind in dict.fromkeys(_MIX):
            # The first of each opens a connection and pays for imports.
            await ask(client, kind)
        outcome.seconds.clear()
        link.send("ready")
        begin = await asyncio.to_thread(link.recv)
        lateness, cpu = Lateness(), time.process_time()
        lateness.start()
        asking = []
        for number in range(round(plan.per_second * plan.seconds)):
            await asyncio.sleep(max(0.0, begin + number / plan.per_second - time.time()))
            # Whether earlier ones were answered or not: vendors do not wait for each other.
            asking.append(asyncio.ensure_future(ask(client, _MIX[number % len(_MIX)])))
        await asyncio.gather(*asking)
        outcome.cpu = time.process_time() - cpu
        outcome.late = list(lateness.seconds)
    link.send(outcome)
