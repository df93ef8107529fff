"""One participant of the native swarm in a call of a scenario: it sends real encoded media and decodes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadtest.participants.participant import ParticipantError, Source
from loadtest.participants.samples import Notice, Sample, StreamCounters, StreamKey
from loadtest.priority import go_before_others
from loadtest.swarm import native

ALL = "*"
"""In place of a sender's name: the swarm counts all that it receives together."""
_INTERVAL = 0.5
_LONGEST = 86_400
"""Seconds that the program is told to play; it is ended before."""
_MOMENTS = (
    ("join_time", "joined", ""),
    ("connect_time", "connection", "connected"),
    ("first_picture", "first_picture", ""),
)
"""Fields of a line of the report, and the notice that each becomes when it is there."""
_GRACE = 5.0
"""Seconds that it may take to leave the call."""


@dataclass
class NativeClient:
    """See `Participant`. Its plan for the program is that of `loadtest.running.cast`, without times."""

    name: str
    clips: dict[str, str]
    plan: dict[str, Any]
    wrapper: Sequence[str]
    """What runs the program where it belongs: a namespace."""
    folder: Path
    _process: asyncio.subprocess.Process | None = None
    _reading: asyncio.Task[None] | None = None
    _line: native.Line | None = None
    _notices: list[Notice] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)
    _failure: str | None = None
    _asked: float = 0.0

    async def prepare(self) -> None:
        """See `Participant`."""
        document = {"seconds": _LONGEST, "interval": _INTERVAL, "clips": self.clips, "participants": [self.plan]}
        self._file.write_text(json.dumps(document))

    async def approach(self) -> None:
        """See `Participant`."""

    async def join(self) -> None:
        """See `Participant`."""
        self._line, self._failure, self._known = None, None, set()
        self._asked = time.time()
        self._notices.append(Notice(self._asked, "join"))
        self._process = await asyncio.create_subprocess_exec(
            *self.wrapper,
            str(native.find()),
            str(self._file),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        go_before_others(self._process.pid)
        self._reading = asyncio.create_task(self._read(self._process))

    async def switch(self, source: Source, on: bool) -> None:
        """See `Participant`."""
        raise ParticipantError(f"{self.name}: a native client cannot turn {source.value} {'on' if on else 'off'}")

    async def sample(self) -> Sample:
        """See `Participant`."""
        if self._failure is not None:
            raise ParticipantError(f"{self.name}: {self._failure}")
        notices, self._notices = tuple(self._notices), []
        line = self._line
        if line is None:
            return Sample(time.time(), notices=notices)
        up, down = line["up"], line["down"]
        streams = {
            StreamKey("out", "video", Source.CAMERA.value, self.name): StreamCounters(
                bytes=up["bytes"], packets=up["media_packets"], frames=up["frames"], target_bitrate=up["target"]
            ),
            StreamKey("in", "video", Source.CAMERA.value, ALL): StreamCounters(
                bytes=down["bytes"],
                packets=down["received"],
                lost=down["expected"] - down["received"],
                frames=down["frames"],
                freezes=down["freezes"],
                freeze_seconds=down["frozen"],
            ),
        }
        return Sample(time.time(), streams, notices=notices, upstream_estimate=up["estimate"])

    async def leave(self) -> None:
        """See `Participant`."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _GRACE)
        await self._end()

    async def close(self) -> None:
        """See `Participant`."""
        await self._end()

    async def _end(self) -> None:
        process, reading = self._process, self._reading
        self._process = self._reading = None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        async for text in process.stdout:
            self._take(json.loads(text))
        problem = (await process.stderr.read()).decode(errors="replace").strip()
        if await process.wait() != 0 and self._failure is None:
            self._failure = problem.removeprefix("bridge-swarm: ") or f"bridge-swarm ended with {process.returncode}"

    def _take(self, line: native.Line) -> None:
        if line["type"] == "failure":
            self._failure = line["message"]
        elif line["type"] == "participant":
            self._line = line
            for field_, kind, text in _MOMENTS:
                seconds = line[field_]
                if seconds is not None and field_ not in self._known:
                    self._known.add(field_)
                    self._notices.append(Notice(self._asked + seconds, kind, text))

    @property
    def _file(self) -> Path:
        return self.folder / f"{self.name}.json"
