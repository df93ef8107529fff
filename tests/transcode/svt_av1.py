"""What SVT-AV1 leaves behind in the process that opens it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def go_like_others() -> None:
    """SVT-AV1 makes whoever opens it as root, and its own threads, run before everything else on the machine.

    So would whatever this process starts from then on, browsers included: two of those stopped the machine for good.
    """
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setscheduler(int(task.name), os.SCHED_OTHER, os.sched_param(0))
