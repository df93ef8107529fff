"""One run of a scenario with lobbies: everybody comes, the load begins, and what came of it is put together."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from loadtest.errors import InputError
from loadtest.lobbies import clients, requests
from loadtest.lobbies.lag import Buckets, quantile, read_lag
from loadtest.lobbies.room import Admission, RoomPlan
from loadtest.lobbies.schedule import Schedule, schedule
from loadtest.lobbies.tokens import room_plans
from loadtest.measure import percentile
from loadtest.report.words import value_text
from loadtest.running.machine import machine_seconds
from loadtest.running.recording import Load, Recording
from loadtest.scenario.description import Lobbies, Scenario

_DOCTOR, _PATIENT = "fastlege", "pasient"
_SETTLE = 4.0
"""Seconds from when everybody is there until the load begins: cameras that nobody watches are told so after three."""
_AHEAD = 0.5
"""Seconds by which processes are told when to begin."""
_GOODBYE = 30.0
"""Seconds for everyone to leave."""
_SHOWN = 20
"""Failures that a report names."""


class _InterruptedError(Exception):
    """The run is to end."""


@dataclass
class _Child:
    """A process and our end of the link to it."""

    process: BaseProcess
    link: Connection


@dataclass
class LobbiesRunner:
    """`await LobbiesRunner(…).run()` runs a scenario and returns what it recorded, also if it is interrupted."""

    scenario: Scenario
    seed: int
    url: str
    key: str = field(repr=False)
    """The vendor's API key."""
    load: Callable[[], tuple[float, int]] | None
    """CPU seconds and memory of the bridge, where it is ours to look at."""
    progress: Callable[[float, str], None]
    """Told how many seconds of the load are left, and what is being done; with a negative number before it begins."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set it to end the run early."""

    async def run(self) -> Recording:
        """Raises `InputError` for a bridge that does not do its part of this."""
        recording = Recording(self.scenario, self.seed, began=time.time())
        lobbies = self.scenario.lobbies
        assert lobbies is not None
        plan = schedule(lobbies, self.scenario.duration, self.seed)
        self.progress(-1.0, "making tokens")
        names = {f"lobby-{self.seed}-{index}": count for index, count in enumerate(plan.patients)}
        rooms = await room_plans(self.url, self.key, names, _DOCTOR, _PATIENT)
        try:
            async with self._children(lobbies, plan, rooms) as children:
                await self._run(recording, children)
        except _InterruptedError:
            recording.interrupted = True
        finally:
            recording.ended = recording.ended or time.time()
        return recording

    async def _run(self, recording: Recording, children: Sequence[_Child]) -> None:
        await self._until_over(self._gather(children))
        await self._until_over(asyncio.sleep(_SETTLE))
        before = await read_lag(self.url)
        recording.began = time.time() + _AHEAD
        for child in children:
            child.link.send(recording.began)
        watching = asyncio.ensure_future(self._watch(recording))
        try:
            outcomes = await self._until_over(
                asyncio.gather(*(asyncio.to_thread(_receive, child) for child in children))
            )
        finally:
            watching.cancel()
        recording.ended = time.time()
        self._note(recording, outcomes, before, await read_lag(self.url))
        self.progress(0.0, "leaving")
        for child in children:
            with contextlib.suppress(BrokenPipeError):
                child.link.send("leave")
        await asyncio.gather(*(asyncio.to_thread(child.process.join, _GOODBYE) for child in children))

    @contextlib.asynccontextmanager
    async def _children(
        self, lobbies: Lobbies, plan: Schedule, rooms: Sequence[RoomPlan]
    ) -> AsyncIterator[Sequence[_Child]]:
        url = self.url.replace("http", "ws", 1) + "/v1/signal"
        duration = self.scenario.duration
        children = []
        try:
            for number in range(lobbies.processes):
                mine = range(number, lobbies.rooms, lobbies.processes)
                index_of = {index: place for place, index in enumerate(mine)}
                children.append(
                    _start(
                        clients.play,
                        clients.ClientsPlan(
                            url=url,
                            rooms=tuple(rooms[index] for index in mine),
                            calls=tuple(index_of[index] for index in plan.calls if index in index_of),
                            joins_per_second=lobbies.joins_per_second / lobbies.processes,
                            admissions=tuple((at, index_of[i]) for at, i in plan.admissions if i in index_of),
                        ),
                    )
                )
            names = tuple(room.name for room in rooms)
            asked = requests.RequestsPlan(self.url, self.key, names, lobbies.requests_per_second, duration)
            children.append(_start(requests.play, asked))
            yield children
        finally:
            for child in children:
                if child.process.is_alive():
                    child.process.kill()
                child.process.join()
                child.link.close()

    async def _gather(self, children: Sequence[_Child]) -> None:
        """Until everybody is there."""
        total = len(children) - 1
        come = [0] * len(children)

        async def wait(number: int, child: _Child) -> None:
            while (told := await asyncio.to_thread(_receive, child)) != "ready":
                come[number] = told
                self.progress(-1.0, f"{sum(come)} have come")

        await asyncio.gather(*(wait(number, child) for number, child in enumerate(children)))
        self.progress(-1.0, f"{sum(come)} have come, in {total} processes")

    async def _until_over(self, doing: Any) -> Any:
        """What it returns. Raises `_InterruptedError` if the run is to end first."""
        task = asyncio.ensure_future(doing)
        waiting = asyncio.ensure_future(self.over.wait())
        try:
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise _InterruptedError
            return task.result()
        finally:
            for one in (task, waiting):
                one.cancel()

    async def _watch(self, recording: Recording) -> None:
        while (now := time.time()) < recording.began + self.scenario.duration:
            self.progress(recording.began + self.scenario.duration - now, "letting in")
            cpu, memory = self.load() if self.load is not None else (None, None)
            recording.loads.append(Load(now, machine_seconds(), cpu, memory))
            await asyncio.sleep(1.0)

    def _note(self, recording: Recording, outcomes: Sequence[Any], before: Buckets, after: Buckets) -> None:
        played = [each for each in outcomes if isinstance(each, clients.ClientsOutcome)]
        (asked,) = (each for each in outcomes if isinstance(each, requests.RequestsOutcome))
        admissions = sorted((each for one in played for each in one.admissions), key=lambda each: each.asked_at)
        times = [seconds for kind in asked.seconds.values() for seconds in kind]
        failures = [text for one in outcomes for text in one.failures]
        seconds = recording.ended - recording.began
        recording.measured = {
            **_times("door_to_picture", _until(admissions, lambda each: each.seen_by_patient)),
            **_times("doctor_to_picture", _until(admissions, lambda each: each.seen_by_doctor)),
            **_times("rest", times),
            "event_loop_lag_p50": quantile(before, after, 0.5),
            "event_loop_lag_p99": quantile(before, after, 0.99),
            "admissions": float(len(admissions)),
            "rest_requests": float(len(times)),
            "lobby_changes": float(sum(one.lobby_changes for one in played)),
            "failures": float(len(failures)),
            "clients_late_p99": max(percentile(one.late, 99) for one in outcomes),
            "clients_cpu": sum(one.cpu for one in outcomes) / seconds,
        }
        recording.curves = {
            "door_to_picture": {
                "patient": [(each.asked_at - recording.began, each.seen_by_patient - each.asked_at)
                            for each in admissions if each.seen_by_patient is not None],
            }
        }  # fmt: skip
        recording.remarks = [
            f"{kind}: {len(found)} times, p50 {value_text('rest_p50', percentile(found, 50))}, "
            f"p99 {value_text('rest_p99', percentile(found, 99))}"
            for kind, found in asked.seconds.items()
        ] + failures[:_SHOWN]


def _start(play: Callable[..., None], plan: Any) -> _Child:
    here, there = multiprocessing.Pipe()
    # Not a fork: we have an event loop.
    process = multiprocessing.get_context("spawn").Process(target=play, args=(plan, there), daemon=True)
    process.start()
    there.close()
    return _Child(process, here)


def _receive(child: _Child) -> Any:
    try:
        return child.link.recv()
    except (EOFError, OSError):
        raise InputError("a process of clients ended by itself: its last words are above") from None


def _until(admissions: Sequence[Admission], seen: Callable[[Admission], float | None]) -> list[float]:
    """Seconds from each admission; what never came took infinitely long."""
    return [float("inf") if (at := seen(each)) is None else at - each.asked_at for each in admissions]


def _times(name: str, seconds: Sequence[float]) -> dict[str, float | None]:
    if not seconds:
        return {}
    return {
        f"{name}_p50": percentile(seconds, 50),
        f"{name}_p95": percentile(seconds, 95),
        f"{name}_p99": percentile(seconds, 99),
        f"{name}_max": max(seconds),
    }
