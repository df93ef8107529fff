"""uvicorn's connection classes, with what they lack against clients that dawdle or never end."""

from __future__ import annotations

import asyncio
import re
import resource
from typing import Any, ClassVar

from httptools import HttpParserUpgrade, HttpRequestParser
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.frames import Frame

from bridge.signaling.compression import DescriptionDeflateFactory
from bridge.signaling.rate_limit import RateLimit

DROP = "bridge.drop"
"""Key in a WebSocket scope's `extensions`: `drop(code, reason)` ends the connection without waiting for its client."""

HEADER_TIMEOUT = 10.0
"""Seconds for the header of a request to arrive, from the connection or from its first byte on."""

MAX_HEADER_BYTES = 64 * 1024
"""Bytes of a request's header, give or take one read of the socket (256 KiB at most)."""

MAX_IDLE = 4_096
"""HTTP connections on which a request is awaited. One more, and the one that was idle for longest is ended: strangers
that open connections must not leave others without."""

IDLE_SHARE = 4
"""They have so large a part of the open files that the system grants at most: a fourth."""

LINGER = 2.0
"""Seconds for the client of a connection that is closed to read what the kernel and the transport still hold for it."""

_HOST = re.compile(rb"(\[[0-9A-Za-z:.%~_-]*\]|[0-9A-Za-z._~!$&'()*+,;=%-]*)(:[0-9]*)?")
"""A Host header (RFC 9110, 7.2; RFC 3986, 3.2.2), which is empty where a request has no authority."""

WRITE_TIMEOUT = 60.0
"""Seconds for an HTTP client to read so much of a response that there is room for more."""

CONTROL_FRAMES_PER_SECOND = 10.0
"""Pings, pongs and pieces of messages that a WebSocket client may send: nobody needs more than one or two."""

CONTROL_FRAME_BURST = 200
"""How many of them it may send at once."""


def most_idle() -> int:
    """Connections that may wait for whoever opened them to say something."""
    granted, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_IDLE if granted == resource.RLIM_INFINITY else min(MAX_IDLE, granted // IDLE_SHARE)


class DeadlineHttpProtocol(HttpToolsProtocol):
    """Ends connections on which a request's header does not come to an end, or whose client reads no response."""

    _idle: ClassVar[dict[DeadlineHttpProtocol, None]] = {}
    """Those on which a request is awaited, the longest first."""

    _header_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None
    _header_bytes = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """As uvicorn has it, but for the parser."""
        super().__init__(*arguments, **options)
        self.parser = _Parser(self)
        # As uvicorn sets its own: pipelined requests are answered up to the one that closes the connection.
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection: its first request is expected now."""
        super().connection_made(transport)
        self._expect_header()
        self._rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of a connection."""
        self._idle.pop(self, None)
        self._header_arrived()
        self._has_room()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request."""
        if self._header_timer is not None:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._header_timer is not None and self._header_bytes > MAX_HEADER_BYTES:
            self.transport.abort()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._header_bytes = 0
        if self._header_timer is None:
            self._expect_header()

    def on_headers_complete(self) -> None:
        """A whole header. Bodies have their own deadline, kept by whoever reads them."""
        if self.declines_upgrade():
            return
        self._check_host()
        self._idle.pop(self, None)
        self._header_arrived()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A whole request."""
        if not self.declines_upgrade():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """A whole response. Unless another request came already, one is awaited now."""
        super().on_response_complete()
        if self.timeout_keep_alive_task is not None and not self.transport.is_closing():
            self._rest()

    def pause_writing(self) -> None:
        """The client does not keep up with reading."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(WRITE_TIMEOUT, self.transport.abort)

    def resume_writing(self) -> None:
        """It has read enough for more to be written."""
        self._has_room()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """No further request came."""
        super().timeout_keep_alive_handler()
        # Closing waits for the client to have read everything, for ever if need be.
        self.loop.call_later(LINGER, self.transport.abort)

    def declines_upgrade(self) -> bool:
        """Whether what is read is a request that offers to go on by a protocol which is not spoken here."""
        offered = self.parser.should_upgrade() and any(name == b"upgrade" for name, _ in self.headers)
        return offered and not self._should_upgrade()

    def header_without_upgrade(self) -> bytes:
        """The header that was read last, less that offer."""
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        lines += [b"%s: %s" % (name, value) for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _check_host(self) -> None:
        """Raises `ValueError`, which the parser makes a 400 of, unless one host is named (RFC 9112, 3.2).

        A proxy and the bridge behind it must not take a request for two different hosts'.
        """
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) > 1 or (not hosts and self.parser.get_http_version() != "1.0"):
            raise ValueError("a request names one host")
        if not all(_HOST.fullmatch(host) for host in hosts):
            raise ValueError("this is no host")

    def _rest(self) -> None:
        if len(self._idle) >= most_idle():
            oldest = next(iter(self._idle))
            del self._idle[oldest]
            oldest.transport.abort()
        self._idle[self] = None

    def _has_room(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _expect_header(self) -> None:
        self._header_timer = self.loop.call_later(HEADER_TIMEOUT, self.transport.abort)

    def _header_arrived(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None


class _Parser(HttpRequestParser):
    """Reads on where a request offers to go on by a protocol that is not spoken here (RFC 9110, 7.8).

    Java's own client does so over cleartext, with whatever it asks (`Upgrade: h2c`). httptools takes all that follows
    such a header for the other protocol: the body would be lost, and the connection with it. So the header is read once
    more, without the offer.
    """

    def __init__(self, protocol: DeadlineHttpProtocol) -> None:
        super().__init__(protocol)
        self._protocol = protocol

    def feed_data(self, data: bytes) -> None:  # type: ignore[override]
        """Bytes of requests. Raises what httptools does, `HttpParserUpgrade` for WebSockets only."""
        while data:
            try:
                super().feed_data(data)
                data = b""
            except HttpParserUpgrade as stopped:
                if not self._protocol.declines_upgrade():
                    raise
                data = data[stopped.args[0] :]
                super().feed_data(self._protocol.header_without_upgrade())


class DroppableWebSocketProtocol(WebSocketsSansIOProtocol):
    """Lets the application, and the keep-alive, end a connection whose client does not read.

    uvicorn waits for such a client's buffer to drain before it sends anything further, a close frame too, and then for
    the transport to flush: a client that never reads would stay for ever. It also answers every ping, read or not, and
    keeps every piece of a message, be it empty: both would let a stranger fill the memory.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """An HTTP connection that becomes a WebSocket."""
        self._control_frames = RateLimit(CONTROL_FRAMES_PER_SECOND, CONTROL_FRAME_BURST, self.loop.time)
        super().connection_made(transport)
        self.conn.available_extensions = [DescriptionDeflateFactory()]

    async def run_asgi(self) -> None:
        """Serves the connection."""
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions[DROP] = self.drop
        try:
            await super().run_asgi()
        finally:
            self._cut_after(self.close_timeout + LINGER)

    async def send(self, message: ASGISendEvent) -> None:
        """Sends what the application says."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            # A handshake that is refused by a response uvicorn takes for one that was forgotten, and logs an error.
            self.handshake_complete = True

    def handle_ping(self) -> None:
        """Answers a ping, unless the client does not even read what it was sent before."""
        if not self._control_frames.take():
            self.transport.abort()
        elif self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_pong(self, event: Frame) -> None:
        """Takes the answer to a ping of ours, or one to none."""
        if self._control_frames.take():
            super().handle_pong(event)
        else:
            self.transport.abort()

    def handle_cont(self, event: Frame) -> None:
        """Takes a further piece of a message."""
        if self._control_frames.take():
            super().handle_cont(event)
        else:
            self.transport.abort()

    def handle_close(self, event: Frame) -> None:
        """The client closes."""
        super().handle_close(event)
        self._cut_after(LINGER)

    def handle_parser_exception(self) -> None:
        """The client does not keep to the protocol."""
        super().handle_parser_exception()
        self._cut_after(LINGER)

    def drop(self, code: int, reason: str) -> None:
        """Writes a close frame behind what waits, and cuts the connection shortly after, read or not."""
        self.stop_keepalive()
        if not self.close_sent and not self.transport.is_closing():
            self.close_sent = True
            try:
                self.conn.send_close(code, reason)
                self.transport.write(b"".join(self.conn.data_to_send()))
            except InvalidState:
                # The client is closing already.
                pass
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.close()
        self._cut_after(LINGER)

    def _cut_after(self, seconds: float) -> None:
        """Gives the client this long to read; closing alone would wait for ever."""
        self.loop.call_later(seconds, self.transport.abort)

    def keepalive_timeout(self) -> None:
        """The client did not answer a ping in time."""
        if not self.transport.is_closing():
            self.drop(1011, "keepalive ping timeout")
