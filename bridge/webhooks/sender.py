"""Tells vendors what waits in the outbox: in order within a room, again and again until it is taken."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence

import httpx

from bridge.storage import StorageError, in_thread
from bridge.webhooks.outbox import Message, Outbox
from bridge.webhooks.signing import Endpoint, signature

_log = logging.getLogger(__name__)

BACK_OFF = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""Seconds until the next try, as Standard Webhooks advises; after the last one a message is given up."""
POLL_SECONDS = 1.0
TIMEOUT_SECONDS = 15.0
AT_ONCE = 32
"""Messages on their way to one vendor, each of another room."""


class WebhookSender:
    """Sends, from `start` to `close`."""

    def __init__(
        self,
        outbox: Outbox,
        endpoints: Iterable[Endpoint],
        *,
        back_off: Sequence[float] = BACK_OFF,
        poll: float = POLL_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`poll` is how often the outbox is looked into, in seconds; `clock` in seconds since the epoch."""
        self._outbox = outbox
        self._endpoints = tuple(endpoints)
        self._back_off = tuple(back_off)
        self._poll = poll
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins, with what waits since the last time."""
        # One each, so that a vendor who is slow holds up no other.
        self._tasks = [asyncio.get_running_loop().create_task(self._run(each)) for each in self._endpoints]

    async def close(self) -> None:
        """Ends. What was not told by now waits for the next start."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()

    async def _run(self, endpoint: Endpoint) -> None:
        telling: dict[str, asyncio.Task[None]] = {}  # by rooms: one message of each at a time, or their order is lost
        async with (
            httpx.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False) as client,
            asyncio.TaskGroup() as group,
        ):
            while True:
                for message in await self._next(endpoint, telling):
                    telling[message.room] = group.create_task(self._tell(client, endpoint, message))
                if telling:
                    # Each answer makes way for the next message: one that is waited for holds up its own room only.
                    await asyncio.wait(telling.values(), timeout=self._poll, return_when=asyncio.FIRST_COMPLETED)
                    telling = {room: task for room, task in telling.items() if not task.done()}
                else:
                    await asyncio.sleep(self._poll)

    async def _next(self, endpoint: Endpoint, telling: Collection[str]) -> list[Message]:
        """What is due in rooms where nothing is being told, as much as there is place for."""
        free = AT_ONCE - len(telling)
        if not free:
            return []
        try:
            due = await in_thread(self._outbox.due, endpoint.tenant, self._clock(), AT_ONCE)
        except StorageError as error:
            _warn(error)
            return []
        return [message for message in due if message.room not in telling][:free]

    async def _tell(self, client: httpx.AsyncClient, endpoint: Endpoint, message: Message) -> None:
        taken = await self._taken(client, endpoint, message)
        try:
            if taken:
                await in_thread(self._outbox.done, message)
            elif message.attempts >= len(self._back_off):
                _log.error("A webhook is given up", extra={"tenant": message.tenant, "message_id": message.id})
                await in_thread(self._outbox.done, message)
            else:
                until = self._clock() + self._back_off[message.attempts]
                await in_thread(self._outbox.put_off, message, until)
        except StorageError as error:
            # It is still due, and told again.
            _warn(error)
            await asyncio.sleep(self._poll)

    async def _taken(self, client: httpx.AsyncClient, endpoint: Endpoint, message: Message) -> bool:
        """Whether the vendor answered with a status of success; what the answer says is not read."""
        timestamp = int(self._clock())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(endpoint.secret, message.id, timestamp, message.body),
        }
        why: str | int
        try:
            async with (
                asyncio.timeout(TIMEOUT_SECONDS),
                client.stream("POST", endpoint.url, content=message.body.encode(), headers=headers) as answer,
            ):
                why = answer.status_code
                if answer.is_success:
                    return True
        except (httpx.HTTPError, TimeoutError) as error:
            why = type(error).__name__
        _log.info("A webhook was not taken", extra={"tenant": message.tenant, "message_id": message.id, "why": why})
        return False


def _warn(error: StorageError) -> None:
    _log.warning("The outbox of webhooks cannot be used", extra={"error": type(error).__name__})
