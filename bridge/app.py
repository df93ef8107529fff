"""The composition root: settings in, running services out. The only file that knows everyone."""

from __future__ import annotations

import asyncio
import base64
import functools
import ipaddress
import logging
import os
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from starlette.routing import BaseRoute

from bridge.audit import AuditLog, AuditSettings, AuditStore, Entry, Row, SealingKey, SignInTrail, Trail
from bridge.auth.api_keys import ApiKeys
from bridge.auth.callers import Callers
from bridge.auth.operator_keys import OperatorKeys
from bridge.auth.operator_sessions import OperatorSessions
from bridge.data_directory import DataDirectory, make_data_directory
from bridge.errors import BridgeError
from bridge.housekeeping import Housekeeping
from bridge.inviting import CallInviter
from bridge.issuers import make_verifier
from bridge.keeping import MARK, RoomKeeper
from bridge.observability import (
    AdminServer,
    Counts,
    EventLogHandler,
    Health,
    LoadHistory,
    LoopLag,
    Metrics,
    OperatorEvents,
    QualitySampler,
)
from bridge.operating import Draining, HeadCount, Node, OperatorTrail, Overview, RoomList, Watch, described_leg
from bridge.page_mark import read_mark
from bridge.queues import OLD_FILE, QueueKeeper
from bridge.recorder import RoomRecorder, Services, TenantArchive, streams_of_mode
from bridge.recordings import Retention, can_record, open_store
from bridge.records import Ledger, Pulse, RecordArchive, RecordStore, RunningStore, end_interrupted
from bridge.rest import AuditedActs, VendorTokens
from bridge.room import Metering, Rooms
from bridge.sandbox import PAGES as SANDBOX_PAGES
from bridge.sandbox import Sandbox
from bridge.service_settings import (
    leg_settings,
    media_settings,
    room_limits,
    room_policy,
    server_settings,
    test_leg_settings,
)
from bridge.settings import Settings
from bridge.sfu import Sfu
from bridge.signaling.admin import AdminAccess, AdminDoor
from bridge.signaling.calls import Calls
from bridge.signaling.http import application
from bridge.signaling.operations import OperationsRoutes
from bridge.signaling.rest.door import RestDoor
from bridge.signaling.rest.history import HistoryOperations
from bridge.signaling.rest.test_legs import TestLegResource
from bridge.signaling.selftest import SelfTestDoor, SelfTestSettings
from bridge.signaling.server import HttpServer
from bridge.signaling.signin.door import SignInDoor
from bridge.signaling.signin.token_door import TokenDoor
from bridge.signaling.stills.door import StillDoor, StillSettings
from bridge.signaling.web import WebFiles, default_web_directory, lone_page
from bridge.signaling.websocket.door import WebSocketDoor
from bridge.signaling.websocket.settings import WebSocketSettings
from bridge.signaling.whip.door import WhipDoor
from bridge.signaling.whip.settings import WhipSettings
from bridge.signin import SignIn, tenants, vendor_authenticator
from bridge.storage import Database, Storage, StorageError, in_thread
from bridge.system_limits import log_capabilities, raise_file_limit
from bridge.tls import read_certificate
from bridge.transcode.supervisor import LegSupervisor
from bridge.transcode.test_legs.runner import TestLegs, own_door
from bridge.version import version
from bridge.webhooks import EventLog, Outbox, WebhookSender, read_endpoints

if TYPE_CHECKING:
    from bridge._core import WorkerStats

_log = logging.getLogger(__name__)


class Application:
    """One bridge: everything that runs in this process, between `start` and `close`."""

    def __init__(self, settings: Settings, *, development: bool) -> None:
        """Puts the services together. Raises `BridgeError` for settings that do not hold together.

        `settings` are taken as they are: whether they may be served in production is checked by whoever starts it.
        """
        self._settings = settings
        read_certificate(settings.http)
        endpoints = read_endpoints(settings.webhooks)
        served = tenants(settings, development=development)
        storage = Storage(settings)
        make_data_directory(settings.data.directory)
        key = SealingKey.load(settings.data.directory)
        node = storage.node(key.checker.node)
        self._outbox = Outbox(node, served, [each.tenant for each in endpoints])
        self._webhooks = WebhookSender(self._outbox, endpoints)
        self._records = RecordStore(node)
        self._running = RunningStore(node)
        self._audit = AuditLog(
            settings.data.directory,
            node,
            key,
            AuditSettings(settings.audit.retention, settings.audit.capacity),
            companion=self._write_along,
        )
        self._rooms = Rooms(
            room_limits(settings.rooms),
            room_policy(settings.rooms),
            can_record=can_record(settings),
            ledger=self._audit,
        )
        self._queues = QueueKeeper(node, self._rooms, settings.data.directory / OLD_FILE)
        self._keeper = RoomKeeper(node, self._rooms, settings.data.directory / MARK, settings.rooms.reentry)
        self._metrics = Metrics(version())
        self._legs = LegSupervisor(leg_settings(settings.legs, settings.media.workers))
        self._test_legs = TestLegs(
            test_leg_settings(settings.legs, self._legs.settings.cpus),
            lambda: own_door(settings.http.listen, self.http_port, tls=settings.http.tls_certificate is not None),
            settings.http.tls_certificate,
        )
        self._sfu = Sfu(media_settings(settings.media, development=development), legs=self._legs)
        self._store = open_store(settings)
        self._retention = Retention(self._store, self._audit.append)
        self._housekeeping = Housekeeping(
            {
                "events": lambda: self._outbox.forget(time.time() - settings.webhooks.retention),
                "records": lambda: self._records.forget(time.time() - settings.records.retention),
                "bans": self._keeper.forget_bans,
            }
        )
        self._pulse = Pulse(self._running, lambda: bool(self._rooms.room_ids()))
        self._data: DataDirectory | None = None
        self._signin = SignIn(settings, storage.shared(), served)
        own = self._signin.issuers(served)
        verifier = make_verifier(settings, development=development, more=own)
        self._vendors = vendor_authenticator(settings, verifier)
        self._callers = Callers(ApiKeys(settings.data.directory), self._vendors, served)
        self._tokens = VendorTokens(self._signin.minter, verifier)
        trail = Trail(self._audit.append, self._signin.pseudonyms.subject)
        self._rooms.add_listener(trail)
        self._recorder = self._make_recorder()
        ledger = Ledger(self._audit.append, self._signin.pseudonyms.subject, clock=time.monotonic, wall_clock=time.time)
        self._rooms.add_listener(ledger)
        self._rooms.add_listener(Metering(time.monotonic, ledger.on_room_record))
        self._calls = Calls(
            verifier,
            self._rooms,
            self._sfu,
            observer=self._metrics,
            inviter=CallInviter(
                self._signin.admission, self._audit, self._signin.pseudonyms.subject, self._signin.reaches
            ),
            renewal=self._signin.renewal,
            keeper=self._keeper,
            recorder=self._recorder,
            on_denied=trail.on_denied,
            sessions=ledger,
        )
        self._sandbox = Sandbox(settings, lambda: self.http_port) if development else None
        self._extra_pages = SANDBOX_PAGES if development else {}
        if self._sandbox is not None:
            self._rooms.add_listener(self._sandbox)
        self._events = OperatorEvents()
        self._event_log = EventLogHandler(self._events)
        watch = Watch(self._events, self._legs, settings.media.workers)
        self._rooms.add_listener(watch)
        self._head_count = HeadCount(self._rooms, self._test_legs.in_rooms)
        self._room_list = RoomList(self._rooms, self._head_count, self._legs_of, watch.opened_at)
        self._draining = Draining(self._rooms, self._audit, self._events)
        self._load = LoadHistory(self._worker_stats, self._counts, on_sampled=watch.on_sampled)
        self._loop_lag = LoopLag(self._on_loop_lag)
        self._quality = QualitySampler(self._sfu.sessions, self._metrics, on_sampled=ledger.on_sampled)
        self._admin = AdminServer(
            settings.data.directory,
            {"rooms": self._room_list.all},
            {"report": self.report_room, "drain": self._draining.answer},
        )
        self._accepting = False
        self._server = HttpServer(application(self._routes(), hsts=settings.http.hsts), server_settings(settings.http))
        self._metrics.watch_rooms(self._room_counts)
        self._metrics.watch_legs(self._legs)
        self._metrics.watch_workers(self._worker_stats)
        self._metrics.watch_draining(lambda: self._draining.active)
        self._metrics.watch_audit(lambda: self._audit.writable)

    @property
    def http_port(self) -> int:
        """The port that HTTP is served on; to be asked after `start`."""
        return self._server.port

    async def start(self) -> None:
        """Starts everything, HTTP last: whoever gets an answer gets all of it.

        Raises `OSError` or `BridgeError`; what was started is ended then.
        """
        try:
            self._data = DataDirectory(self._settings.data.directory)
            self._audit.start(self._open_beside_the_log)
            self._webhooks.start()
            self._signin.start()
            self._queues.load()
            self._keeper.load(self._running.alive)
            self._keeper.start()
            self._audit.append(Entry("bridge_started", details={"version": version()}))
            raise_file_limit()
            await self._start_media()
            self._legs.start()
            self._retention.start()
            self._housekeeping.start()
            self._pulse.start()
            await self._admin.start()
            logging.getLogger("bridge").addHandler(self._event_log)
            self._loop_lag.start()
            self._quality.start()
            await self._serve()
        except BaseException:
            await self.close()
            raise
        self._accepting = True
        log_capabilities(self._sfu.workers(), self._settings.media)
        _log.info("The bridge is ready", extra={"version": version()})

    async def close(self) -> None:
        """Tells everyone that the bridge goes, ends the calls, and returns when nothing runs any more. Idempotent."""
        served, self._accepting = self._accepting, False
        if self._sandbox is not None:
            await self._sandbox.close()
        await self._test_legs.close()
        # Who is there now may come back to the next bridge as if this one had not told them to go.
        await self._keeper.stop()
        await self._calls.close()
        if self._recorder is not None:
            await self._recorder.close()
        await self._server.close()
        await self._signin.close()
        await self._sfu.close()
        self._legs.close()
        await self._retention.stop()
        await self._housekeeping.stop()
        await self._pulse.stop()
        await self._quality.stop()
        self._loop_lag.stop()
        await self._admin.close()
        logging.getLogger("bridge").removeHandler(self._event_log)
        if served:
            self._audit.append(Entry("bridge_stopped"))
        await self._webhooks.close()
        await asyncio.to_thread(self._audit.close)
        # A connection is waited for while somebody uses it.
        for store in (self._outbox, self._records, self._running, self._queues, self._keeper):
            await in_thread(store.close)
        if self._data is not None:
            self._data.release()
            self._data = None
        if served:
            _log.info("The bridge has ended")

    def _make_recorder(self) -> RoomRecorder | None:
        if not can_record(self._settings):
            return None
        streams = streams_of_mode(
            self._settings.recordings.mode,
            producer_of=lambda source: self._calls.producer_of(source),
            compose=functools.partial(self._sfu.open_composition, codec=self._settings.recordings.composed_codec),
        )
        recorder = RoomRecorder(
            Services(
                self._rooms,
                self._sfu,
                self._legs,
                self._store,
                streams,
                self._signin.pseudonyms.subject,
                lambda: self._calls.arm(),
            ),
            self._audit.append,
        )
        self._rooms.add_listener(recorder)
        return recorder

    def _write_along(self, database: Database, rows: Sequence[tuple[Row, Entry]]) -> None:
        """What belongs to new entries of the audit log, in their transaction."""
        self._outbox.add(database, rows)
        self._records.add(database, rows)
        self._running.follow(database, rows)

    def _open_beside_the_log(self, log: AuditStore) -> None:
        try:
            self._outbox.open()
            self._records.open()
            self._running.open()
            interrupted = end_interrupted(self._running, log)
        except StorageError as error:
            raise BridgeError("records_unavailable", f"Records and events cannot be kept: {error}.") from error
        if interrupted:
            _log.warning("The bridge before this one was killed during calls", extra={"calls": interrupted})

    async def _start_media(self) -> None:
        try:
            await self._sfu.start()
        except OSError as error:
            # The core names the address, and the error by the system's words and number.
            what = str(error).partition(" (os error")[0]
            raise BridgeError(
                "cannot_listen",
                f"{what[:1].upper()}{what[1:]}.",
                field="media.listen",
                hint="Choose another address with --media or media.listen.",
            ) from error

    async def _serve(self) -> None:
        try:
            await self._server.start()
        except OSError as error:
            # What Python says of an address in use is a sentence about itself.
            why = type(error).__name__ if error.errno is None else os.strerror(error.errno)
            raise BridgeError(
                "cannot_serve",
                f"HTTP cannot be served on {self._settings.http.listen}: {why}.",
                field="http.listen",
                hint="Choose another address with --http or http.listen.",
            ) from error

    def _legs_of(self, room_id: str) -> list[dict[str, Any]]:
        recording = [] if self._recorder is None else self._recorder.described(room_id)
        return [*(described_leg(leg) for leg in self._sfu.legs(room_id)), *recording]

    def _worker_stats(self) -> dict[int, WorkerStats]:
        return {worker.index: worker.stats for worker in self._sfu.workers()}

    def _counts(self) -> Counts:
        rooms = self._rooms
        return Counts(len(rooms.room_ids()), self._head_count.people(), rooms.waiting_count(), self._legs.running)

    def _room_counts(self) -> tuple[int, int, int]:
        return len(self._rooms.room_ids()), self._head_count.people(), self._head_count.test_legs()

    def _on_loop_lag(self, seconds: float) -> None:
        self._metrics.on_loop_lag(seconds)
        self._load.on_loop_lag(seconds)

    async def report_room(self, room_id: str) -> list[dict[str, str]] | None:
        """What `bridge rooms report` writes: the flight record of each connection, in Base64. None for no such room."""
        sessions = [session for session in self._sfu.sessions() if session.room_id == room_id]
        if not sessions:
            return None
        return [
            {"session": session.session_id, "connection": connection, "record": base64.b64encode(record).decode()}
            for session in sessions
            for connection, record in (await session.flight_records()).items()
        ]

    def _routes(self) -> list[BaseRoute]:
        settings = self._settings
        origins = settings.http.allowed_origins
        websocket = WebSocketSettings(allowed_origins=origins, public_url=settings.signin.public_url)
        whip = WhipSettings(allowed_origins=origins)
        # Without it, no room opens. Nodes share a database of a server, and are without it together.
        records = {"audit_writable": lambda: self._audit.writable}
        shared = bool(settings.storage.url)
        health = Health(
            # A worker that died is started again within a second or so; while none runs, there are no calls.
            live={"workers": lambda: bool(self._sfu.workers())},
            ready={
                "accepting": lambda: self._accepting,
                "all_workers": lambda: len(self._sfu.workers()) == settings.media.workers,
                "not_draining": lambda: not self._draining.active,
                **({} if shared else records),
            },
            told=records if shared else {},
        )
        acts = AuditedActs(self._audit, self._signin.pseudonyms.subject)
        events = EventLog(self._outbox)
        networks = [ipaddress.ip_network(network) for network in settings.metrics.allowed]
        return [
            *WebSocketDoor(self._calls, websocket, version=version(), grace=settings.rooms.grace).routes(),
            *WhipDoor(self._calls, whip).routes(),
            *SelfTestDoor(
                self._calls, SelfTestSettings(max_tests=settings.media.self_tests, allowed_origins=origins)
            ).routes(),
            *StillDoor(self._calls, StillSettings(allowed_origins=origins)).routes(),
            *self._signin_routes(),
            *self._admin_routes(health),
            *RestDoor(
                self._calls,
                self._callers,
                self._tokens,
                acts,
                self._signin.admission,
                TenantArchive(self._store),
                self._queues,
                version=version(),
                public_url=settings.signin.public_url,
                clock=time.monotonic,
                more={
                    **HistoryOperations(events, RecordArchive(self._records), acts).operations(),
                    **TestLegResource(self._test_legs, self._tokens, acts).operations(),
                },
            ).routes(),
            *OperationsRoutes(health, self._metrics, networks).routes(),
            *WebFiles(
                default_web_directory(),
                frame_ancestors=settings.http.frame_ancestors,
                more=self._extra_pages,
                elsewhere=["/admin"] if settings.admin.enabled else [],
                mark=read_mark(settings.page),
            ).routes(),
        ]

    def _admin_routes(self, health: Health) -> list[BaseRoute]:
        settings = self._settings.admin
        if not settings.enabled:
            return []
        access = AdminAccess(
            OperatorKeys(self._settings.data.directory),
            OperatorSessions(idle=settings.idle, lifetime=settings.lifetime),
            [ipaddress.ip_network(network) for network in settings.allowed],
            self._signin.operator_sign_in(self._settings.signin.public_url),
        )
        overview = Overview(
            Node(socket.gethostname(), version(), time.time()),
            self._rooms,
            self._head_count,
            self._room_list,
            self._load,
            self._events,
            self._legs,
            max_legs=self._settings.legs.max,
            workers=self._sfu.workers,
            ready=health.ready,
        )
        door = AdminDoor(
            access,
            overview,
            self._draining,
            lone_page(default_web_directory() / "client" / "admin.html"),
            observer=OperatorTrail(self._audit, self._metrics, self._events, clock=time.monotonic),
            clock=time.monotonic,
        )
        return [*door.routes()]

    def _signin_routes(self) -> list[BaseRoute]:
        signin = self._signin
        observer = SignInTrail(self._audit.append, signin.pseudonyms.subject, self._metrics)
        public_url = self._settings.signin.public_url
        embedded = bool(self._settings.http.frame_ancestors)
        clock = time.monotonic
        return [
            *SignInDoor(
                signin.providers,
                signin.sessions,
                signin.admission,
                public_url=public_url,
                embedded=embedded,
                observer=observer,
                clock=clock,
            ).routes(),
            *TokenDoor(signin.exchanges, signin.nonces, public_url=public_url, observer=observer, clock=clock).routes(),
        ]
