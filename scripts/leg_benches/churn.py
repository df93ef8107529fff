"""How long a leg takes to start, and what is left of fifty after they have ended, twenty times over.

Legs run on the CPUs that `legs.cpus` gives them by itself beside one worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import time
from pathlib import Path

from bridge.leg_cpus import AUTO, choose_cpus
from bridge.transcode.supervisor import LegSupervisor
from tests.support.processes import children, open_files
from tests.transcode.harness import leg, spec, supervisor

GOAL_SECONDS = 0.3
GONE_SECONDS = 2.0
"""After which no process of a leg that was ended may be there."""
LEGS, ROUNDS = 50, 20
HEAD = (
    "| legs at once | times | start p50, ms | p95, ms | longest, ms | goal, ms | processes left | descriptors"
    " | memory of the bridge's side, MB | of the launcher, MB |\n|---|---|---|---|---|---|---|---|---|---|"
)


async def started(legs: LegSupervisor, count: int) -> list[float]:
    """Starts so many at once and ends them; seconds until each takes packets."""
    with contextlib.ExitStack() as running:
        begun, waiting, took = time.perf_counter(), [], []
        waiting = [running.enter_context(leg(legs, spec("vp8", "h264"))) for _ in range(count)]
        async with asyncio.timeout(60):
            while waiting:
                await asyncio.sleep(0.001)
                took += [time.perf_counter() - begun for each in waiting if each.leg.pid is not None]
                waiting = [each for each in waiting if each.leg.pid is None]
    return took


async def measure(count: int, rounds: int) -> str:
    """One line of the table. What is left is beside what there was after the first round."""
    took: list[float] = []
    async with supervisor(max=count, cpus=choose_cpus(AUTO, 1)) as legs:
        # The launcher imports what legs need once, when the bridge starts.
        await started(legs, 1)
        before: list[float] | None = None
        for _ in range(rounds):
            took += await started(legs, count)
            assert legs.launcher_pid is not None
            await asyncio.sleep(GONE_SECONDS)
            now = [
                float(len(children(legs.launcher_pid))),
                _descriptors(legs),
                _memory(os.getpid()),
                _memory(legs.launcher_pid),
            ]
            before = before or now
    assert before is not None
    grown = [after - first for after, first in zip(now, before, strict=True)]
    took.sort()
    return (
        f"| {count} | {rounds} | {1000 * statistics.median(took):.0f} | {1000 * took[len(took) * 95 // 100]:.0f}"
        f" | {1000 * took[-1]:.0f} | {1000 * GOAL_SECONDS:.0f}"
        f" | {now[0]:.0f} | {grown[1]:+.0f} | {grown[2]:+.1f} | {grown[3]:+.1f} |"
    )


def _descriptors(legs: LegSupervisor) -> float:
    """Sockets and files of both processes."""
    assert legs.launcher_pid is not None
    return open_files(os.getpid()) + open_files(legs.launcher_pid)


def _memory(pid: int) -> float:
    """Resident, in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
