"""Lets what is measured go before other work on this machine, where one may say so (root)."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_PRIORITY = -10


def go_before_others(process: int) -> None:
    """Raises the priority of a process, and of the session that it leads.

    Where the kernel groups processes by session (autogroups), that of a single one counts within its session only.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process, _PRIORITY)
    with contextlib.suppress(OSError):
        Path(f"/proc/{process}/autogroup").write_text(str(_PRIORITY))
