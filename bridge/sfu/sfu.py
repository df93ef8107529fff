"""The media plane's front: workers, the certificate, rooms placed on workers, sessions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.errors import BridgeError
from bridge.sfu.certificate import CertificateStore
from bridge.sfu.compositions import OpenComposition
from bridge.sfu.handshakes import HandshakeQueue
from bridge.sfu.legs import LegRunner, NoLegs
from bridge.sfu.router import Router
from bridge.sfu.session import MediaSession
from bridge.sfu.settings import MediaSettings
from bridge.sfu.tap import Tap, TapListener
from bridge.sfu.transport import WebRtcTransport
from bridge.sfu.types import ConnectionState, LegReport, SessionListener
from bridge.sfu.workers import WorkerFactory, WorkerHandle, WorkerPool, core_worker

if TYPE_CHECKING:
    from bridge._core import Capabilities, WorkerStats

WORKER_DIED = "worker_died"
"""What sessions are closed with when their worker dies."""


@dataclass(frozen=True)
class WorkerReport:
    """A worker's state, for metrics and for `bridge check`."""

    index: int
    addresses: tuple[str, ...]
    """As bound: "ip:port" or "[ip6]:port"."""
    sessions: int
    capabilities: Capabilities
    stats: WorkerStats


class Sfu:
    """All media of this process. Make one, `start()` it on the event loop that it will live on."""

    def __init__(
        self, settings: MediaSettings, *, worker_factory: WorkerFactory = core_worker, legs: LegRunner | None = None
    ) -> None:
        self.settings = settings
        self._legs = legs or NoLegs()
        self._pool = WorkerPool(settings, worker_factory, self._worker_stopped)
        self._certificates = CertificateStore()
        self._handshakes = HandshakeQueue()
        self._routers: dict[str, Router] = {}

    async def start(self) -> None:
        """Starts the workers; `OSError` names the address that could not be bound."""
        self._pool.start()

    async def close(self) -> None:
        """Ends all sessions and the workers. Idempotent."""
        for router in tuple(self._routers.values()):
            for member in tuple(router.members.values()):
                if isinstance(member, MediaSession):
                    await member.close()
                elif isinstance(member, Tap):
                    member.close()
        self._pool.close()

    def open_session(self, room_id: str, session_id: str, listener: SessionListener) -> MediaSession:
        """A media session for one participant of a room.

        The room's first session places the room on the least loaded worker; the others follow it there. Raises
        `session_exists`, or `media_overloaded` when no worker has place.
        """
        router = self._routers.get(room_id)
        if router is None:
            router = self._place(room_id)
        if session_id in router.members:
            raise BridgeError("session_exists", "the room has a media session with this id", field="session")
        if router.worker.load >= self.settings.limits.sessions:
            raise BridgeError("media_overloaded", "the room's worker can take no more sessions", hint="try again later")
        session = MediaSession(session_id, router, listener, self.settings, self._make_transport, self._member_closed)
        router.members[session_id] = session
        router.worker.load += 1
        if router.active_speaker is not None:
            session.active_speaker(router.active_speaker)
        legs = router.leg_reports()
        if legs:
            session.legs_changed(legs)
        return session

    def open_tap(self, room_id: str, tap_id: str, listener: TapListener) -> Tap:
        """A tap on a room that has media sessions; `tap_id` is unlike their ids. Raises `unknown_room`."""
        router = self._routers.get(room_id)
        if router is None:
            raise BridgeError("unknown_room", "there is no media in this room", field="room")
        tap = Tap(tap_id, router, listener, self._member_closed)
        router.members[tap_id] = tap
        router.worker.load += 1
        return tap

    def workers(self) -> list[WorkerReport]:
        """What the workers do now, read without waiting for them."""
        return [
            WorkerReport(
                worker.index,
                tuple(worker.core.local_addresses()),
                worker.load,
                worker.core.capabilities(),
                worker.core.stats(),
            )
            for worker in self._pool.workers
        ]

    def sessions(self) -> list[MediaSession]:
        """The media sessions there are, room by room."""
        members = (member for router in self._routers.values() for member in router.members.values())
        return [member for member in members if isinstance(member, MediaSession)]

    def legs(self, room_id: str) -> list[LegReport]:
        """The legs that run in a room."""
        router = self._routers.get(room_id)
        return [] if router is None else router.leg_reports()

    def open_composition(self, room_id: str, on_ended: Callable[[], None], *, codec: str = "vp8") -> OpenComposition:
        """A room as one picture (in `codec`) and one sound, as producers of its router: see `Compositions.open`.

        Raises `BridgeError`: `room_not_found` for a room without media, `legs_exhausted`.
        """
        router = self._routers.get(room_id)
        if router is None:
            raise BridgeError("room_not_found", "there is no media in this room", field="room")
        return router.compositions.open(on_ended, codec)

    @property
    def dropped_handshake_datagrams(self) -> int:
        """DTLS datagrams dropped by the bound on what one transport may have waiting."""
        return self._handshakes.dropped

    def _place(self, room_id: str) -> Router:
        worker = self._pool.least_loaded()
        if worker is None:
            raise BridgeError("media_overloaded", "no worker can take another room", hint="try again later")
        router = Router(room_id, self._pool.new_id(), worker, self._pool.new_id, self.settings.speakers, self._legs)
        self._routers[room_id] = router
        return router

    def _make_transport(self, router: Router, on_state: Callable[[ConnectionState], None]) -> WebRtcTransport:
        transport = WebRtcTransport(
            router.worker,
            self._pool.new_id(),
            router.router_id,
            self._certificates.current(),
            self._handshakes,
            self.settings,
            on_state,
        )
        router.transport_made()
        return transport

    def _member_closed(self, member: MediaSession | Tap) -> None:
        router = self._routers.get(member.room_id)
        if router is None or router.members.get(member.session_id) is not member:
            return
        del router.members[member.session_id]
        router.worker.load -= 1
        if not router.members:
            router.close()
            del self._routers[member.room_id]

    def _worker_stopped(self, worker: WorkerHandle, _error: str) -> None:
        lost = [router for router in self._routers.values() if router.worker is worker]
        for router in lost:
            router.close()
            del self._routers[router.room_id]
        for router in lost:
            for member in tuple(router.members.values()):
                member.lost(WORKER_DIED)
