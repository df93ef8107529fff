"""Which CPUs legs run on: as many as there are workers are left to those, where the system has more.

Workers are not pinned. What is wanted is that none waits for a leg, and the kernel sees to that by itself as long as
there is a CPU that no leg is on: it wakes a worker where nothing runs. A pinned one would wait for whatever else comes
to its CPU, such as a worker of another container that was pinned there too (docs/decisions/0073-cpus-of-legs.md).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

from bridge.configuration import Kind, Place, SettingsError

AUTO = "auto"
"""All but as many as there are workers."""
ALL = "all"
HIGHEST = 1023
"""The last CPU that an affinity mask of the C library has place for."""
_RANGE = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")

LegCpus = str | frozenset[int]
"""`AUTO`, `ALL`, or the CPUs themselves."""


def parse_cpus(text: str) -> LegCpus:
    """Reads the setting: `AUTO`, `ALL`, or a list as in cpuset(7), "2-3,6". Raises `ValueError`."""
    if text in (AUTO, ALL):
        return text
    cpus: set[int] = set()
    for part in text.split(","):
        found = _RANGE.fullmatch(part.strip())
        if found is None:
            raise ValueError(part)
        first, last = int(found[1]), int(found[2] or found[1])
        if not first <= last <= HIGHEST:
            raise ValueError(part)
        cpus.update(range(first, last + 1))
    return frozenset(cpus)


def format_cpus(cpus: Iterable[int]) -> str:
    """As `parse_cpus` reads them."""
    runs: list[list[int]] = []
    for cpu in sorted(cpus):
        if runs and cpu == runs[-1][-1] + 1:
            runs[-1][1:] = [cpu]
        else:
            runs.append([cpu])
    return ",".join("-".join(map(str, run)) for run in runs)


def choose_cpus(wanted: LegCpus, workers: int) -> frozenset[int]:
    """The CPUs that legs may run on, of those that this process may. Raises `SettingsError`.

    With `AUTO` they are all of them where there are no more than workers: there is none to leave to those then.
    """
    allowed = os.sched_getaffinity(0)
    match wanted:
        case frozenset():
            if absent := wanted - allowed:
                raise SettingsError(
                    "invalid_setting",
                    f"legs.cpus = {format_cpus(wanted)!r}: the bridge may not run on {format_cpus(absent)}.",
                    field="legs.cpus",
                    hint=f"it may run on {format_cpus(allowed)}",
                )
            return wanted
        case "auto":
            # From the first on: the lowest are those that most systems hand their network's interrupts.
            return frozenset(sorted(allowed)[workers:] or allowed)
        case _:
            return frozenset(allowed)


def _from_toml(value: Any, _place: Place) -> LegCpus:
    if not isinstance(value, str):
        raise TypeError(value)
    return parse_cpus(value)


LEG_CPUS: Kind[LegCpus] = Kind(
    f'"{AUTO}", "{ALL}" or CPUs such as "2-3,6", {HIGHEST} at most', _from_toml, lambda text, _place: parse_cpus(text)
)
