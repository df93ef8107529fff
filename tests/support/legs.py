"""The processes of a bridge's legs, as the system shows them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from tests.support.bridge import Bridge


def children(pid: int) -> list[int]:
    """Pids of the processes that a process has started and that still run."""
    listed = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        listed += [int(child) for child in (task / "children").read_text().split()]
    return listed


def named(pids: list[int], name: str) -> list[int]:
    """Those of this name."""
    found = []
    for pid in pids:
        # It may end while it is looked at.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if Path(f"/proc/{pid}/comm").read_text().strip() == name:
                found.append(pid)
    return found


def launcher(bridge: Bridge) -> int:
    """The process that the bridge's legs are forked from."""
    assert bridge.process is not None
    (found,) = named(children(bridge.process.pid), "bridge-legs")
    return found


def legs(bridge: Bridge) -> list[int]:
    """The processes of its legs."""
    return named(children(launcher(bridge)), "bridge-leg")


def programs(bridge: Bridge) -> list[int]:
    """The processes of its test legs."""
    assert bridge.process is not None
    return named(children(bridge.process.pid), "bridge-test-leg")


def open_files(pid: int) -> int:
    """How many descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def cpus(pid: int) -> set[frozenset[int]]:
    """Which CPUs the threads of a process may run on."""
    return {frozenset(os.sched_getaffinity(int(task.name))) for task in Path(f"/proc/{pid}/task").iterdir()}
