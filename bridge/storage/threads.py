"""The threads in which stores wait for the disk, or the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from bridge.errors import StorageError

THREADS = 8
"""More than the stores of a bridge: each has a connection, which one thread at a time uses."""
ANSWER_SECONDS = 10.0
"""How long whoever has asked waits for an answer: a server that hangs as a whole keeps to no timeout of its own."""

P = ParamSpec("P")
T = TypeVar("T")
# Not the event loop's own, in which names are looked up and pictures read: a database that hangs would hold up these.
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="storage")


async def in_thread(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `act` gives, or raises. What was begun goes on to its end, also when nobody waits for it any more."""
    return await asyncio.get_running_loop().run_in_executor(_threads, lambda: act(*args, **kwargs))


async def in_time(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As `in_thread`, for those whom somebody waits for. Raises `StorageError` after `ANSWER_SECONDS`.

    What was not begun by then is not done; what was may still be, as where the connection breaks during a commit.
    """
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await in_thread(act, *args, **kwargs)
    except TimeoutError:
        raise StorageError(f"no answer came within {ANSWER_SECONDS:g} seconds") from None
