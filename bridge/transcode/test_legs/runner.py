"""Test legs that vendors start by REST: a process each, clients of the bridge's own WebSocket door.

They are bounded in number, in time and in memory, and run where legs run, at their priority.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bridge.configuration import Address, SettingsError
from bridge.errors import BridgeError
from bridge.transcode import confinement
from bridge.transcode.supervisor import child_environment
from bridge.transcode.test_legs.messages import Joined, Order, Refused

logger = logging.getLogger(__name__)

START_SECONDS = 30.0
"""From the start of a process until it sends in the room: one that takes longer has not found the bridge."""
END_SECONDS = 5.0
"""How long a process may take to leave."""


@dataclass(frozen=True)
class TestLegSettings:
    """The budget."""

    max: int = 4
    """At the same time; 0 for none."""
    lifetime: float = 600.0
    """Seconds that each may last at most."""
    clips: Path | None = None
    """The folder of what a player may play."""
    memory: int = 2 << 30
    """Address space of each, in bytes."""
    cpus: frozenset[int] | None = None
    """That they may run on; None for those that the bridge may."""


@dataclass(frozen=True)
class RunningTestLeg:
    """One that is in its room."""

    id: str
    room_id: str
    kind: str
    clip: str | None
    participant_id: str
    identity: str
    ends_at: float
    """Seconds since the epoch."""


class TestLegs:
    """All test legs of this bridge."""

    def __init__(self, settings: TestLegSettings, url: Callable[[], str], certificate: Path | None) -> None:
        """`url` is the WebSocket door's, once it is served; `certificate` the file with what it shows.

        Raises `SettingsError` for a folder that is not there.
        """
        if settings.clips is not None and not settings.clips.is_dir():
            raise SettingsError(
                "invalid_setting",
                f"legs.test_clips = {str(settings.clips)!r}: no such folder.",
                field="legs.test_clips",
            )
        self._settings = settings
        self._url = url
        self._certificate = certificate
        self._starting = 0
        self._running: dict[str, tuple[RunningTestLeg, asyncio.subprocess.Process]] = {}
        self._watching: set[asyncio.Task[None]] = set()

    @property
    def lifetime(self) -> float:
        """Seconds that each may last at most."""
        return self._settings.lifetime

    def new_id(self) -> str:
        """For the next."""
        return secrets.token_hex(8)

    def in_rooms(self) -> Sequence[RunningTestLeg]:
        """All of them, oldest first."""
        return [leg for leg, _ in self._running.values()]

    def in_room(self, room_id: str) -> Sequence[RunningTestLeg]:
        """Oldest first."""
        return [leg for leg, _ in self._running.values() if leg.room_id == room_id]

    def check(self, clip: str | None) -> None:
        """Raises `BridgeError` (`too_many_test_legs`, `unknown_clip`) for what `start` would refuse."""
        if len(self._running) + self._starting >= self._settings.max:
            raise BridgeError(
                "too_many_test_legs",
                f"All {self._settings.max} test legs of this bridge are in use.",
                hint="legs.tests bounds them",
            )
        if clip is not None:
            self._find(clip)

    async def start(
        self, id_: str, room_id: str, kind: str, clip: str | None, *, identity: str, token: str, seconds: float
    ) -> RunningTestLeg:
        """Returns when it sends in the room. Raises `BridgeError`: as `check`, `test_leg_failed`, or as the door."""
        self.check(clip)
        file = None if clip is None else str(self._find(clip))
        certificate = None if self._certificate is None else _first_certificate(self._certificate.read_text())
        order = Order(kind, self._url(), token, self._settings.memory, file, certificate)
        self._starting += 1
        try:
            process, participant_id = await self._launch(order)
        finally:
            self._starting -= 1
        leg = RunningTestLeg(id_, room_id, kind, clip, participant_id, identity, time.time() + seconds)
        self._running[id_] = leg, process
        watching = asyncio.create_task(self._watch(leg, process, seconds))
        self._watching.add(watching)
        watching.add_done_callback(self._watching.discard)
        return leg

    async def end(self, room_id: str, id_: str) -> None:
        """Has it leave. Raises `BridgeError` (`test_leg_not_found`)."""
        leg, process = self._running.get(id_, (None, None))
        if leg is None or process is None or leg.room_id != room_id:
            raise BridgeError("test_leg_not_found", "There is no such test leg in this room now.", field="test_leg")
        await _ended(process)
        self._running.pop(id_, None)

    async def close(self) -> None:
        """Ends all. Idempotent."""
        await asyncio.gather(*(_ended(process) for _, process in self._running.values()))
        await asyncio.gather(*self._watching)

    async def _launch(self, order: Order) -> tuple[asyncio.subprocess.Process, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bridge.transcode.test_legs.process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=child_environment(),
        )
        try:
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, process.pid, confinement.NICE)
                if self._settings.cpus is not None:
                    os.sched_setaffinity(process.pid, self._settings.cpus)
            assert process.stdin is not None  # noqa: S101 - a pipe, as asked for
            assert process.stdout is not None  # noqa: S101 - a pipe, as asked for
            with contextlib.suppress(ConnectionError):
                process.stdin.write(msgspec.json.encode(order) + b"\n")
                process.stdin.close()
            async with asyncio.timeout(START_SECONDS):
                line = await process.stdout.readline()
            answer = msgspec.json.decode(line, type=Joined | Refused)
        except (TimeoutError, msgspec.DecodeError):
            await _ended(process)
            logger.warning("a test leg (%s) did not come into its room", order.kind)
            raise BridgeError(
                "test_leg_failed",
                "The test leg did not come into the room.",
                hint="it reaches the bridge's media by the addresses that clients are told; can this machine?",
            ) from None
        except BaseException:
            await _ended(process)
            raise
        if isinstance(answer, Refused):
            await _ended(process)
            raise BridgeError(answer.code, answer.message)
        return process, answer.participant_id

    async def _watch(self, leg: RunningTestLeg, process: asyncio.subprocess.Process, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await process.wait()
        await _ended(process)
        self._running.pop(leg.id, None)

    def _find(self, clip: str) -> Path:
        """The file of a clip, which the folder itself lists: a name leads nowhere else."""
        folder = self._settings.clips
        found = {} if folder is None else {each.name: each for each in folder.iterdir() if each.is_file()}
        if clip not in found:
            hint = ", ".join(sorted(found)) or "the operator puts them into the folder legs.test_clips"
            raise BridgeError("unknown_clip", "There is no such clip.", field="clip", hint=hint)
        return found[clip]


def _first_certificate(chain: str) -> str:
    """The bridge's own, which stands before those of who issued it."""
    head, end, _ = chain.partition("-----END CERTIFICATE-----")
    return f"{head}{end}\n"


def own_door(listen: Address, port: int, *, tls: bool) -> str:
    """Where this machine reaches the WebSocket door."""
    host = listen.host
    if listen.is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    return f"{'wss' if tls else 'ws'}://{Address(host, port)}/v1/signal"


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Has it leave, and makes it if it does not."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
