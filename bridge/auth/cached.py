"""What is fetched from somebody else and kept: refreshed no more often than bounded, stale for a bounded time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

_log = logging.getLogger(__name__)

T = TypeVar("T")

MIN_INTERVAL = 10.0
"""Seconds between fetches at least, whatever strangers ask for."""
MAX_AGE = 600.0
"""Seconds after which a value is fetched anew in the background, so that what was withdrawn is forgotten."""
MAX_STALE = 86_400.0
"""Seconds for which a value serves at most when fetching it anew keeps failing."""


class Cached(Generic[T]):
    """A value behind a `fetch`, which raises `errors` when it fails. One fetch runs at a time."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[T]],
        errors: tuple[type[Exception], ...],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._errors = errors
        self._clock = clock
        self._value: T | None = None
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._running: asyncio.Task[None] | None = None

    async def get(self) -> T | None:
        """The value, waited for if there is none yet; None while it cannot be had."""
        age = self._clock() - self._fetched_at
        if self._value is None or age > MAX_STALE:
            await self.refresh()
        elif age > MAX_AGE:
            self._start()
        return self._value if self._clock() - self._fetched_at <= MAX_STALE else None

    async def refresh(self) -> T | None:
        """The value after fetching it anew, if that is due; the one at hand if it is too soon or fails."""
        task = self._start()
        if task is not None:
            # One caller that gives up must not cancel the fetch that others wait for.
            await asyncio.shield(task)
        return self._value

    def _start(self) -> asyncio.Task[None] | None:
        if self._running is None:
            now = self._clock()
            if now - self._tried_at < MIN_INTERVAL:
                return None
            self._tried_at = now
            self._running = asyncio.create_task(self._run())
        return self._running

    async def _run(self) -> None:
        try:
            self._value = await self._fetch()
            self._fetched_at = self._clock()
        except self._errors as error:
            _log.warning("What an issuer publishes cannot be fetched", extra={"error": type(error).__name__})
        finally:
            self._running = None
