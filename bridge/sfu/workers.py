"""The pool of data-plane workers: starting them, handing their events to whom they concern, choosing the least loaded.

Ids of transports, producers, consumers and routers come from one counter, so one table routes every event. A worker
that dies is an event: whoever has anything on it is told, and another worker is started in its place.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import resource
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from bridge.sfu import ice
from bridge.sfu.settings import MediaSettings

if TYPE_CHECKING:
    from bridge._core import (
        Capabilities,
        ConsumerAllocation,
        ConsumerHandover,
        ConsumerParams,
        Event,
        PlainTransportParams,
        ProducerParams,
        SpeakerSelection,
        SrtpParams,
        TransportDemand,
        TransportStats,
        TransportUpdate,
        WebRtcTransportParams,
        WorkerConfig,
        WorkerStats,
    )

logger = logging.getLogger(__name__)

RESTART_DELAY = 1.0
"""Seconds from the death of a worker to the start of its successor."""

DRAIN_LIMIT = 1024
"""Events taken at once; the rest is taken in the next turn of the event loop."""

MAX_STRANGERS = 256
"""TCP connections of a worker that have not proven to be a peer's. One more, and the oldest is ended: strangers that
open connections must not leave others without."""

STRANGERS_SHARE = 4
"""Those of all workers have so large a part of the open files that the system grants at most: a fourth. So much has
HTTP for connections that say nothing."""

EventHandler = Callable[["Event"], None]


def most_strangers(workers: int) -> int:
    """TCP connections to each of so many workers that may wait to prove themselves."""
    granted, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if granted == resource.RLIM_INFINITY:
        return MAX_STRANGERS
    return min(MAX_STRANGERS, max(1, granted // STRANGERS_SHARE // workers))


class CoreWorker(Protocol):
    """What is used of `bridge._core.Worker`; tests put a fake in its place."""

    def close(self) -> None: ...  # noqa: D102
    def event_fd(self) -> int: ...  # noqa: D102
    def drain(self, limit: int = ...) -> list[Event]: ...  # noqa: D102
    def local_addresses(self) -> list[str]: ...  # noqa: D102
    def capabilities(self) -> Capabilities: ...  # noqa: D102
    def stats(self) -> WorkerStats: ...  # noqa: D102
    def create_webrtc_transport(self, transport_id: int, params: WebRtcTransportParams) -> None: ...  # noqa: D102
    def create_plain_transport(self, transport_id: int, params: PlainTransportParams) -> None: ...  # noqa: D102
    def update_transport(self, transport_id: int, update: TransportUpdate) -> None: ...  # noqa: D102
    def restart_ice(self, transport_id: int, ice_ufrag: str, ice_pwd: str) -> None: ...  # noqa: D102
    def send_dtls(self, transport_id: int, datagrams: list[bytes]) -> None: ...  # noqa: D102
    def set_srtp(self, transport_id: int, params: SrtpParams) -> None: ...  # noqa: D102
    def close_transport(self, transport_id: int) -> None: ...  # noqa: D102
    def create_producer(self, producer_id: int, params: ProducerParams) -> None: ...  # noqa: D102
    def pause_producer(self, producer_id: int, paused: bool) -> None: ...  # noqa: D102
    def close_producer(self, producer_id: int) -> None: ...  # noqa: D102
    def create_consumer(self, consumer_id: int, params: ConsumerParams) -> None: ...  # noqa: D102
    def pause_consumer(self, consumer_id: int, paused: bool) -> None: ...  # noqa: D102
    def close_consumer(self, consumer_id: int) -> None: ...  # noqa: D102
    def set_consumer_redundancy(self, consumer_id: int, frames: int) -> None: ...  # noqa: D102
    def hand_over_consumer(self, consumer_id: int, handover: ConsumerHandover) -> None: ...  # noqa: D102
    def allocate_consumer(self, consumer_id: int, allocation: ConsumerAllocation) -> None: ...  # noqa: D102
    def set_transport_demand(self, transport_id: int, demand: TransportDemand) -> None: ...  # noqa: D102
    def request_keyframe(self, producer_id: int) -> None: ...  # noqa: D102
    def select_speakers(self, router_id: int, selection: SpeakerSelection) -> None: ...  # noqa: D102
    def transport_stats(self, request_id: int, transport_id: int) -> None: ...  # noqa: D102
    def flight_record(self, request_id: int, transport_id: int) -> None: ...  # noqa: D102


WorkerFactory = Callable[["WorkerConfig"], CoreWorker]


def core_worker(config: WorkerConfig) -> CoreWorker:
    """The real thing. Imported late, so that everything above the core can be tested without it."""
    from bridge._core import Worker

    return Worker(config)


class WorkerHandle:
    """One worker with its event routes."""

    def __init__(
        self, index: int, core: CoreWorker, settings: MediaSettings, on_stopped: Callable[[str], None]
    ) -> None:
        self.index = index
        self.core = core
        self.load = 0
        """Sessions placed on it."""
        self._settings = settings
        self._on_stopped = on_stopped
        self._routes: dict[int, EventHandler] = {}
        self._stats: dict[int, asyncio.Future[TransportStats | None]] = {}
        self._records: dict[int, asyncio.Future[bytes | None]] = {}
        self._request_ids = itertools.count(1)
        self._loop = asyncio.get_running_loop()
        self._event_fd = core.event_fd()
        self.candidates = ice.candidates(
            ice.host_addresses(core.local_addresses(), settings.announced), tcp=settings.tcp
        )
        self._loop.add_reader(self._event_fd, self._drain)

    def route(self, identifier: int, handler: EventHandler) -> None:
        """Has the events of a transport, producer, consumer or router handed to `handler`."""
        self._routes[identifier] = handler

    def unroute(self, identifier: int) -> None:
        """Ends that. Events that are still under way are dropped."""
        self._routes.pop(identifier, None)

    async def transport_stats(self, transport_id: int) -> TransportStats | None:
        """Statistics of a transport; None if it is gone or the worker does not answer in time."""
        request_id = next(self._request_ids)
        answer = self._stats[request_id] = self._loop.create_future()
        try:
            self.core.transport_stats(request_id, transport_id)
            return await asyncio.wait_for(answer, self._settings.timeouts.stats)
        except TimeoutError:
            return None
        finally:
            del self._stats[request_id]

    async def flight_record(self, transport_id: int) -> bytes | None:
        """What a transport did lately (docs/flight-record.md); None as for statistics."""
        request_id = next(self._request_ids)
        answer = self._records[request_id] = self._loop.create_future()
        try:
            self.core.flight_record(request_id, transport_id)
            return await asyncio.wait_for(answer, self._settings.timeouts.stats)
        except TimeoutError:
            return None
        finally:
            del self._records[request_id]

    def close(self) -> None:
        """Ends the worker. Nobody is told."""
        self._loop.remove_reader(self._event_fd)
        self._routes.clear()
        for answer in self._stats.values():
            if not answer.done():
                answer.set_result(None)
        for record in self._records.values():
            if not record.done():
                record.set_result(None)
        self.core.close()

    def _drain(self) -> None:
        for event in self.core.drain(DRAIN_LIMIT):
            try:
                self._dispatch(event)
            except Exception:
                # A bug in the handling of one session's event must not end the others' events.
                logger.exception("an event of type %s could not be handled", event["type"])

    def _dispatch(self, event: Event) -> None:
        match event["type"]:
            case "transport_stats":
                answer = self._stats.get(event["request_id"])
                if answer is not None and not answer.done():
                    answer.set_result(event["stats"])
                return
            case "flight_record":
                record = self._records.get(event["request_id"])
                if record is not None and not record.done():
                    record.set_result(event["record"])
                return
            case "worker_stopped":
                self._on_stopped(event["error"] or "closed")
                return
            case "command_failed":
                logger.warning("the core could not carry out %s: %s", event["command"], event["message"])
        handler = self._routes.get(_concerns(event))
        if handler is not None:
            handler(event)


def _concerns(event: Event) -> int:
    """The id of what an event is about."""
    match event["type"]:
        case "producer_live" | "producer_stalled" | "producer_layers":
            return event["producer_id"]
        case "consumer_live" | "consumer_stalled" | "consumer_layers" | "consumer_handed_over":
            return event["consumer_id"]
        case "audio_levels" | "active_speaker":
            return event["router_id"]
        case "command_failed":
            return event["id"]
        case "ice" | "dtls" | "narrow_path" | "udp_refused" | "estimate" | "plain_transport_ready" | "transport_closed":
            return event["transport_id"]
        case _:
            return -1


class WorkerPool:
    """All workers of this process."""

    def __init__(
        self, settings: MediaSettings, factory: WorkerFactory, on_stopped: Callable[[WorkerHandle, str], None]
    ) -> None:
        self._settings = settings
        self._factory = factory
        self._on_stopped = on_stopped
        self._ids = itertools.count(1)
        self._workers: dict[int, WorkerHandle] = {}
        self._restarts: dict[int, asyncio.TimerHandle] = {}

    def start(self) -> None:
        """Starts the workers. `OSError` names the address that could not be bound; none is left running then."""
        try:
            for index in range(self._settings.workers):
                self._workers[index] = self._make(index)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends the workers. Idempotent."""
        for restart in self._restarts.values():
            restart.cancel()
        self._restarts.clear()
        workers, self._workers = self._workers, {}
        for worker in workers.values():
            worker.close()

    def new_id(self) -> int:
        """An id that was never used in this process."""
        return next(self._ids)

    @property
    def workers(self) -> Sequence[WorkerHandle]:
        """Those that run."""
        return tuple(self._workers.values())

    def least_loaded(self) -> WorkerHandle | None:
        """The worker with the fewest sessions that has place for one more."""
        candidates = [worker for worker in self._workers.values() if worker.load < self._settings.limits.sessions]
        return min(candidates, key=lambda worker: (worker.load, worker.index), default=None)

    def _make(self, index: int) -> WorkerHandle:
        settings = self._settings
        config: WorkerConfig = {
            "index": index,
            "listen": [_nth_address(text, index) for text in settings.listen],
            "skip_absent": settings.skip_absent,
            "tcp": settings.tcp,
            "max_strangers": most_strangers(settings.workers),
            "gather_us": settings.gather_us,
            "receive_buffer_bytes": settings.receive_buffer_bytes,
            "send_buffer_bytes": settings.send_buffer_bytes,
            "max_transports": 2 * settings.limits.sessions,
            "consent_timeout_ms": round(settings.timeouts.consent * 1000),
            "stall_timeout_ms": round(settings.timeouts.stall * 1000),
        }
        core = self._factory(config)
        try:
            return WorkerHandle(index, core, settings, lambda error: self._stopped(index, error))
        except BaseException:
            core.close()
            raise

    def _stopped(self, index: int, error: str) -> None:
        worker = self._workers.pop(index, None)
        if worker is None:
            return
        logger.error("worker %d has stopped: %s", index, error)
        self._on_stopped(worker, error)
        worker.close()
        self._restart_later(index)

    def _restart_later(self, index: int) -> None:
        self._restarts[index] = asyncio.get_running_loop().call_later(RESTART_DELAY, self._restart, index)

    def _restart(self, index: int) -> None:
        del self._restarts[index]
        try:
            self._workers[index] = self._make(index)
        except OSError:
            logger.exception("worker %d could not be started again", index)
            self._restart_later(index)


def _nth_address(text: str, index: int) -> str:
    """The address of the n-th worker: its port counts up, but for port 0."""
    address, port = ice.parse_address(text)
    return ice.format_address(address, port + index if port else 0)
