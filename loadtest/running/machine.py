"""How busy the machine is: what browsers and emulators measure on a busy one is not the bridge's doing."""

from __future__ import annotations

import os
from pathlib import Path

_IDLE = (3, 4)
"""Places of idle and iowait in the kernel's line of all processors (proc(5))."""


def machine_seconds() -> float:
    """Time in which processors were busy since the machine was started, as the mean over all of them."""
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    busy = sum(ticks for place, ticks in enumerate(fields) if place not in _IDLE)
    return busy / os.sysconf("SC_CLK_TCK") / (os.cpu_count() or 1)
