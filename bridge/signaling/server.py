"""The HTTP server: uvicorn, with its WebSockets by the `websockets` library, started and stopped by the application."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from bridge.signaling.protocols import DeadlineHttpProtocol, DroppableWebSocketProtocol, most_idle
from bridge.signaling.tls_listener import TlsListener
from bridge.signaling.websocket.messages.parts import MESSAGE_BYTES_LIMIT

PING_INTERVAL = 10.0
"""Seconds between WebSocket pings."""
PING_TIMEOUT = 10.0
"""Seconds for the answer to one."""
KEEP_ALIVE = 20
"""Seconds that an idle HTTP connection is kept."""
SHUTDOWN_TIMEOUT = 5
"""Seconds for requests to end at shutdown before they are cancelled."""
WARNING_INTERVAL = 60.0
"""Seconds between two lines of the server's log that say the same."""


class _Seldom(logging.Filter):
    """Lets a warning through once a while: uvicorn has one for each request that is none, and strangers send those."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._written: dict[object, float] = {}
        """When, by message: there are as many as uvicorn's source has."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is to be written. Errors always are."""
        if record.levelno > logging.WARNING:
            return True
        now = self._clock()
        if now - self._written.get(record.msg, float("-inf")) < WARNING_INTERVAL:
            return False
        self._written[record.msg] = now
        return True


_SELDOM = _Seldom(time.monotonic)


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where to listen, and for whom."""

    host: str = "127.0.0.1"
    port: int = 8080
    """0 lets the system choose."""
    certificate: Path | None = None
    """PEM chain; TLS is spoken if it is given."""
    key: Path | None = None
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    max_connections: int = 12_000
    """HTTP and WebSocket connections at a time; further requests get 503."""


class HttpServer:
    """Serves one application. `start` returns when connections are accepted."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._settings = settings
        self._server = _Server(
            uvicorn.Config(
                app,
                http=DeadlineHttpProtocol,
                ws=DroppableWebSocketProtocol,
                ws_max_size=MESSAGE_BYTES_LIMIT,
                ws_ping_interval=PING_INTERVAL,
                ws_ping_timeout=PING_TIMEOUT,
                # The protocol brings its own.
                ws_per_message_deflate=False,
                lifespan="off",
                # The application owns logging. Lines per request would hold addresses and, by mistake, tokens.
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=list(settings.trusted_proxies),
                limit_concurrency=settings.max_connections,
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=SHUTDOWN_TIMEOUT,
                ssl_certfile=settings.certificate,
                ssl_keyfile=settings.key,
            )
        )
        # Added once, however many servers there are.
        logging.getLogger("uvicorn.error").addFilter(_SELDOM)
        self._socket: socket.socket | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port bound; to be asked after `start`."""
        if self._socket is None:
            raise RuntimeError("the server has not been started")
        port: int = self._socket.getsockname()[1]
        return port

    async def start(self) -> None:
        """Binds and serves. Raises `OSError` when the address cannot be bound or the certificate not be read."""
        family = socket.AF_INET6 if ":" in self._settings.host else socket.AF_INET
        self._socket = socket.create_server((self._settings.host, self._settings.port), family=family, backlog=1024)
        self._socket.setblocking(False)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        started = asyncio.create_task(self._server.ready.wait())
        await asyncio.wait({self._serving, started}, return_when=asyncio.FIRST_COMPLETED)
        if not self._server.ready.is_set():
            started.cancel()
            self._socket.close()
            await self._serving

    async def close(self) -> None:
        """Accepts nobody any more, lets requests come to an end, and returns when all connections are closed."""
        if self._serving is not None:
            self._server.should_exit = True
            await self._serving


class _Server(uvicorn.Server):
    """A server that says when it is ready, and leaves signals to the application."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Does nothing: SIGTERM means more than the end of HTTP."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to accept connections."""
        if self.config.ssl is None or sockets is None:
            await super().startup(sockets)
        else:
            listeners = [TlsListener(each, self.config.ssl, self._protocol, most_idle()) for each in sockets]
            for listener in listeners:
                listener.start()
            self.servers = listeners  # type: ignore[assignment]
            self.started = True
        self.ready.set()

    def _protocol(self) -> asyncio.Protocol:
        """What serves a new connection."""
        return DeadlineHttpProtocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
