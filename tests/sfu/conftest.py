"""Media sessions over a fake core."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bridge import _core
from bridge.sfu import MediaSession, MediaSettings, Sfu
from bridge.sfu.router import PublishedProducer
from tests.sfu.fake_core import FakeWorker
from tests.sfu.support import Recorder
from tests.support.patience import PATIENCE


class Bridge:
    """An `Sfu` on fake workers."""

    def __init__(self, settings: MediaSettings) -> None:
        self.fakes: list[FakeWorker] = []
        self._made = asyncio.Event()
        self.sfu = Sfu(settings, worker_factory=self._make)

    def _make(self, config: _core.WorkerConfig) -> FakeWorker:
        self.fakes.append(FakeWorker(config))
        self._made.set()
        return self.fakes[-1]

    async def wait_for_workers(self, count: int, guard: float = PATIENCE) -> None:
        """Waits until that many were started in all; `guard` only keeps a broken test from hanging."""
        async with asyncio.timeout(guard):
            while len(self.fakes) < count:
                self._made.clear()
                await self._made.wait()

    @property
    def core(self) -> FakeWorker:
        """The first worker."""
        return self.fakes[0]

    def published(self, room: str) -> list[PublishedProducer]:
        """The producers of a room, as its sessions see them."""
        return list(self.sfu._routers[room].producers.values())

    def estimate(
        self, transport_id: int, bitrate: int, *, lost: float = 0.0, queue: float = 0.0, limit_seen: bool = False
    ) -> None:
        """What a line carries (bit/s; no more where `limit_seen`), loses (0–1) and holds up (s), as packets show."""
        self.core.emit(
            type="estimate",
            transport_id=transport_id,
            bitrate=bitrate,
            source="transport_feedback",
            proven=True,
            limit_seen=limit_seen,
            round_trip_time=0.1,
            fraction_lost=lost,
            queue_delay=queue,
        )

    def open(self, session: str, room: str = "room") -> tuple[MediaSession, Recorder]:
        """A session with its listener."""
        recorder = Recorder()
        return self.sfu.open_session(room, session, recorder), recorder


@pytest.fixture
async def bridge() -> AsyncIterator[Bridge]:
    bridge = Bridge(MediaSettings(listen=("127.0.0.1:3478",)))
    await bridge.sfu.start()
    yield bridge
    await bridge.sfu.close()
