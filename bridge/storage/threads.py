"""The threads in which stores wait for the disk, or the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

THREADS = 8
"""More than the stores of a bridge: each has a connection, which one thread at a time uses."""

P = ParamSpec("P")
T = TypeVar("T")
# Not the event loop's own, in which names are looked up and pictures read: a database that hangs would hold up these.
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="storage")


async def in_thread(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `act` gives, or raises. What was begun goes on to its end, also when nobody waits for it any more."""
    return await asyncio.get_running_loop().run_in_executor(_threads, lambda: act(*args, **kwargs))
