"""Whether something has ended that nobody announces the end of: packets of a stream, bytes of a file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tests.support.patience import PATIENCE

Count = TypeVar("Count")


async def silence(count: Callable[[], Awaitable[Count]], seconds: float = 1.5) -> Count:
    """Waits until a count has stood still for so long, and gives it.

    What was on its way comes to that sooner or later, on a busy machine later; what goes on never does.
    """
    async with asyncio.timeout(PATIENCE):
        while True:
            before = await count()
            await asyncio.sleep(seconds)
            if await count() == before:
                return before
