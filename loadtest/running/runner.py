"""One run of a scenario: everybody is made ready, then joins, sends, is switched and leaves at their times."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from loadtest.emulator.station import Place, Station, StationPlan
from loadtest.participants.participant import Participant, ParticipantError
from loadtest.running.machine import machine_seconds
from loadtest.running.recording import Load, Recording
from loadtest.scenario.description import ParticipantPlan, Scenario

_SAMPLING = 0.5
"""Seconds between two samples of a participant."""
_REACH = 0.25
"""Seconds from reaching for a button to pressing it: a page makes use of them, as it does with people."""
_PREPARING = 3
"""Browsers that are started at a time: more would only wait for each other."""

MakeParticipant = Callable[[ParticipantPlan, "Place | None"], Participant]
"""Makes a participant of its plan, in a namespace or on the host."""


@dataclass
class Runner:
    """`await Runner(…).run()` runs a scenario and returns what it recorded, also if it fails or is interrupted."""

    scenario: Scenario
    seed: int
    make: MakeParticipant
    load: Callable[[], tuple[float, int]] | None
    """CPU seconds and memory of the bridge, where it is ours to look at."""
    progress: Callable[[float, str], None]
    """Told how many seconds of the call are left, and what is being done; with a negative number before it begins."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set it to end the run early."""
    namespace: str = "lt"
    """What the names of its namespaces begin with."""
    inspect: Callable[[Mapping[str, Participant]], Awaitable[None]] | None = None
    """Called with everybody a moment before the end."""

    async def run(self) -> Recording:
        """Raises `InputError` for what this machine cannot do; whatever else goes wrong is in the recording."""
        recording = Recording(self.scenario, self.seed, began=time.time())
        participants: dict[str, Participant] = {}
        async with self._station() as station:
            try:
                for plan in self.scenario.participants:
                    place = station.places[self._namespace(plan)] if station is not None and plan.lines else None
                    participants[plan.name] = self.make(plan, place)
                    recording.samples[plan.name] = []
                await self._until_over(self._prepare(participants))
                if not self.over.is_set():
                    if station is not None:
                        station.start()
                        recording.reports = station.reports
                    recording.began = time.time() + _REACH
                    await self._until_over(self._call(participants, recording, station))
                recording.interrupted = self.over.is_set()
            except ParticipantError as error:
                recording.error = str(error)
            finally:
                recording.ended = time.time()
                self.progress(0.0, "clearing up")
                await asyncio.gather(*(participant.close() for participant in participants.values()))
        return recording

    @contextlib.asynccontextmanager
    async def _station(self) -> AsyncIterator[Station | None]:
        used = {line for plan in self.scenario.participants for line in plan.lines}
        if not used:
            yield None
            return
        paths = {self._namespace(plan): plan.lines for plan in self.scenario.participants if plan.lines}
        links = {name: link for name, link in self.scenario.links.items() if name in used}
        async with Station(StationPlan(links, paths, f"{self.scenario.seed}/{self.seed}")) as station:
            yield station

    def _namespace(self, plan: ParticipantPlan) -> str:
        return f"{self.namespace}-{plan.name}"[:32]

    async def _until_over(self, doing: Awaitable[None]) -> None:
        """Waits for it, or until the run is to end; raises what it raises."""
        task = asyncio.ensure_future(doing)
        waiting = asyncio.create_task(self.over.wait())
        try:
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
        finally:
            for one in (task, waiting):
                one.cancel()
            await asyncio.gather(task, waiting, return_exceptions=True)

    async def _prepare(self, participants: Mapping[str, Participant]) -> None:
        gate = asyncio.Semaphore(_PREPARING)
        ready = 0

        async def prepare(participant: Participant) -> None:
            nonlocal ready
            async with gate:
                self.progress(-1.0, f"making participants ready, {ready} of {len(participants)}")
                await participant.prepare()
                ready += 1

        await asyncio.gather(*(prepare(participant) for participant in participants.values()))

    async def _call(
        self, participants: Mapping[str, Participant], recording: Recording, station: Station | None
    ) -> None:
        end = self.scenario.duration
        try:
            async with asyncio.TaskGroup() as tasks:
                for plan in self.scenario.participants:
                    tasks.create_task(self._take_part(plan, participants[plan.name], recording))
                tasks.create_task(self._watch_load(recording))
                while (left := end - (time.time() - recording.began)) > 0:
                    self.progress(left, "in the call")
                    if station is not None and station.failed is not None:
                        raise ParticipantError(station.failed)
                    await asyncio.sleep(min(0.5, left))
                if self.inspect is not None:
                    await self.inspect(participants)
        except BaseExceptionGroup as group:
            # Several may fail at once, as all do where there is no bridge.
            failures, others = group.split(ParticipantError)
            if failures is None or others is not None:
                raise
            raise ParticipantError("; ".join(str(failure) for failure in failures.exceptions)) from None

    async def _take_part(self, plan: ParticipantPlan, participant: Participant, recording: Recording) -> None:
        begin = recording.began
        await _sleep_until(begin + plan.join - _REACH)
        await participant.approach()
        await _sleep_until(begin + plan.join)
        recording.joined[plan.name] = time.time()
        await participant.join()
        end = begin + min(self.scenario.duration, plan.leave or self.scenario.duration)
        switches = [switch for switch in plan.switches if plan.join <= switch.at]
        samples = recording.samples[plan.name]
        next_sample = time.time() + _SAMPLING
        while True:
            due = min([next_sample, end, *(begin + switch.at for switch in switches[:1])])
            await _sleep_until(due)
            if due == end:
                break
            if switches and due == begin + switches[0].at:
                switch = switches.pop(0)
                await participant.switch(switch.source, switch.on)
                continue
            samples.append(await participant.sample())
            next_sample = max(next_sample + _SAMPLING, time.time())
        samples.append(await participant.sample())
        recording.left[plan.name] = time.time()
        if plan.leave is not None:
            await participant.leave()

    async def _watch_load(self, recording: Recording) -> None:
        while time.time() < recording.began + self.scenario.duration:
            cpu, memory = self.load() if self.load is not None else (None, None)
            recording.loads.append(Load(time.time(), machine_seconds(), cpu, memory))
            await asyncio.sleep(1.0)


async def _sleep_until(at: float) -> None:
    await asyncio.sleep(max(0.0, at - time.time()))
