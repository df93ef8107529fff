"""What the system tells of processes. They may end while they are looked at, and so may their threads."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def children(pid: int) -> list[int]:
    """Pids of the processes that a process has started and not yet waited for.

    By the parent that each process names: the lists of children that Linux keeps are one per thread, so a child
    changes lists when the thread that started it ends.
    """
    return [int(process.name) for process in Path("/proc").glob("[0-9]*") if _parent(process) == pid]


def named(pids: list[int], name: str) -> list[int]:
    """Those of this name."""
    found = []
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if Path(f"/proc/{pid}/comm").read_text().strip() == name:
                found.append(pid)
    return found


def working_in(folder: Path) -> list[int]:
    """Pids of the processes whose working directory it is."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        # Nor may everybody look at everybody's.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if (process / "cwd").readlink() == folder:
                found.append(int(process.name))
    return found


def open_files(pid: int) -> int:
    """How many descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def cpus(pid: int) -> set[frozenset[int]]:
    """Which CPUs the threads of a process may run on."""
    found = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            found.add(frozenset(os.sched_getaffinity(int(task.name))))
    return found


def libraries(pid: int) -> set[str]:
    """File names of what a process has mapped into its memory."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {Path(line.split(maxsplit=5)[5]).name for line in lines if "/" in line}


def _parent(process: Path) -> int | None:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        # "pid (name) state parent …": a name may hold spaces and brackets.
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    return None
