"""All lines of a run, in a process of their own: nothing that a runner or a report does may make a line late.

The runner's end is `Station`. The two talk through a pipe: "start" goes one way and reports of what went through come
back; whoever finds the other gone ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import uvloop

from loadtest.emulator.description import LinkDescription
from loadtest.emulator.model import LinkModel
from loadtest.emulator.namespace import Namespace
from loadtest.emulator.path import Path
from loadtest.emulator.running import Parcel, RunningLink
from loadtest.emulator.statistics import Durations
from loadtest.errors import InputError

_INTERVAL = 0.2
"""Seconds between reports."""
_PATIENCE = 30.0
"""Seconds within which namespaces must stand, or be gone."""


@dataclass(frozen=True, slots=True)
class StationPlan:
    """The lines, and who uses which."""

    links: Mapping[str, LinkDescription]
    paths: Mapping[str, Sequence[str]]
    """For each namespace, the names of its links, from there outwards."""
    seed: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a namespace was made."""

    namespace: str
    address: str
    host_address: str


@dataclass
class Station:
    """`async with Station(plan) as station:` makes the namespaces; their lines begin with `start`."""

    plan: StationPlan
    places: dict[str, Place] = field(default_factory=dict)
    reports: list[dict[str, Any]] = field(default_factory=list)
    """One every 200 ms since `start`: see `_Lines.report`."""
    failed: str | None = None
    """Why the lines are gone, if they are."""

    async def __aenter__(self) -> Station:
        """Raises `InputError` where this process may not make namespaces."""
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(self.plan, theirs), daemon=True)
        self._process.start()
        theirs.close()
        ready: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._receive, ready)
        try:
            answer = await asyncio.wait_for(ready, _PATIENCE)
            if "error" in answer:
                raise InputError(answer["error"], hint=answer["hint"])
        except BaseException:
            await self._end()
            raise
        self.places = {name: Place(*place) for name, place in answer["places"].items()}
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    def start(self) -> None:
        """The lines' time begins: until now everything went through at once."""
        self._pipe.send("start")

    async def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pipe.fileno())
        self._pipe.close()
        await asyncio.to_thread(self._process.join, _PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            await asyncio.to_thread(self._process.join)

    def _receive(self, ready: asyncio.Future[dict[str, Any]]) -> None:
        try:
            message = self._pipe.recv()
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            message = {"error": "the emulator has ended", "hint": None}
            self.failed = message["error"]
        if not ready.done():
            ready.set_result(message)
        elif "lines" in message:
            self.reports.append(message)


class _Lines:
    """The links and paths within the process."""

    def __init__(self, plan: StationPlan) -> None:
        self._plan = plan
        self.paths = {name: Path() for name in plan.paths}
        self._links: dict[str, RunningLink] = {}
        self._queueing: dict[tuple[str, str], Durations] = {}
        self._offered: dict[tuple[str, str], float] = {}
        self._lateness: dict[str, Durations] = {}

    def start(self) -> None:
        """Puts the links into the paths."""
        self._links = {
            name: RunningLink(description, seed=f"{self._plan.seed}/{name}")
            for name, description in self._plan.links.items()
        }
        for name, path in self.paths.items():
            path.links = tuple(self._links[link] for link in self._plan.paths[name])

    def close(self) -> None:
        for link in self._links.values():
            link.close()

    def report(self) -> dict[str, Any]:
        """What went through so far; queueing and capacity are those since the last report."""
        return {
            "at": time.time(),
            "lines": {
                name: {
                    "down": self._direction(name, "down", running.link.down),
                    "up": self._direction(name, "up", running.link.up),
                    "late": _since(self._lateness, name, running.lateness).as_dict(),
                }
                for name, running in self._links.items()
            },
            "paths": {
                name: {"down": path.going_down.as_dict(), "up": path.going_up.as_dict()}
                for name, path in self.paths.items()
            },
        }

    def _direction(self, name: str, direction: str, model: LinkModel[Parcel]) -> dict[str, Any]:
        key = (name, direction)
        statistics = model.statistics
        queueing = _since(self._queueing, key, statistics.queueing)
        offered = model.offered(time.monotonic())
        before = self._offered.get(key, 0.0)
        self._offered[key] = offered
        return {
            "capacity_bits": offered - before,
            "delivered_bytes": statistics.delivered_bytes,
            "cross_bytes": statistics.cross_delivered_bytes,
            "lost": {cause.value: count for cause, count in statistics.lost.items()},
            "queueing": queueing.histogram(),
        }


def _since(memory: dict[Any, Durations], key: object, present: Durations) -> Durations:
    """What came to a count since it was asked for last."""
    before = memory.get(key, Durations())
    memory[key] = copy = Durations()
    copy.merge(present)
    return present.without(before)


def _run(plan: StationPlan, pipe: Connection) -> None:
    # Ctrl-C is for the runner, which tells by closing the pipe. A session of one's own keeps the terminal away.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.setsid()
    with contextlib.suppress(AttributeError, OSError):
        # Before all other programs, so that a busy machine does not become a bad line; what is started here does not.
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(plan, pipe))


async def _serve(plan: StationPlan, pipe: Connection) -> None:
    loop = asyncio.get_running_loop()
    lines = _Lines(plan)
    over = asyncio.Event()
    started = asyncio.Event()

    def receive() -> None:
        try:
            pipe.recv()
        except (EOFError, OSError):
            loop.remove_reader(pipe.fileno())
            over.set()
            return
        lines.start()
        started.set()

    async with contextlib.AsyncExitStack() as stack:
        places = {}
        try:
            for name, path in lines.paths.items():
                namespace = await stack.enter_async_context(Namespace(name))
                namespace.connect(path)
                places[name] = (name, namespace.address, namespace.host_address)
        except InputError as error:
            pipe.send({"error": error.message, "hint": error.hint})
            return
        loop.add_reader(pipe.fileno(), receive)
        pipe.send({"places": places})
        while not over.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), _INTERVAL)
            if started.is_set() and not over.is_set():
                with contextlib.suppress(OSError):
                    pipe.send(lines.report())
        lines.close()
