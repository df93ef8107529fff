"""Accepts connections for TLS: bounded from the first packet on, with an answer for who speaks HTTP in clear.

Left to asyncio, a connection belongs to nobody until its TLS handshake is done: a stranger who opens some and says
nothing holds each open file for a minute, and as many as the system grants are all that there are. So connections wait
here until their client has spoken, and the first byte tells what it speaks (RFC 8446, section 5.1).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from collections.abc import Callable

_log = logging.getLogger(__name__)

HANDSHAKE_TIMEOUT = 10.0
"""Seconds for a client to say its first word, and again for its TLS handshake."""

ACCEPTED_AT_ONCE = 64
"""Connections accepted before everything else has its turn."""

ACCEPT_PAUSE = 0.1
"""Seconds for which new connections are left to the kernel when there is no open file for them."""

WARNING_INTERVAL = 60.0
"""Seconds between two warnings of that."""

LINGER = 2.0
"""Seconds for the client of an answer in clear to read it."""

_HANDSHAKE_RECORD = 22
_NO_FILES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

_BODY = (
    b'{"type":"about:blank","title":"Bad Request","status":400,"detail":"This port speaks HTTPS.",'
    b'"code":"https_required","hint":"Begin the address with https:// instead of http://."}'
)
_ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)


class TlsListener:
    """Listens, from `start` to `close`. As uvicorn's servers, it is waited for when it is closed."""

    def __init__(
        self,
        listening: socket.socket,
        context: ssl.SSLContext,
        make_protocol: Callable[[], asyncio.Protocol],
        most_waiting: int,
    ) -> None:
        """`listening` does not block. `most_waiting` connections without TLS: with one more, the oldest goes."""
        self._listening = listening
        self._context = context
        self._make_protocol = make_protocol
        self._most_waiting = most_waiting
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[socket.socket, asyncio.TimerHandle] = {}
        """Those that have said nothing, or whose answer in clear is being read, the longest first."""
        self._handshakes: dict[asyncio.Task[None], None] = {}
        self._pause: asyncio.TimerHandle | None = None
        self._warned_at = float("-inf")

    def start(self) -> None:
        """Accepts connections."""
        self._loop.add_reader(self._listening, self._accept)

    def close(self) -> None:
        """Accepts none any more, and ends those without TLS."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listening)
        self._listening.close()
        for connection in list(self._waiting):
            self._end(connection)
        for task in self._handshakes:
            task.cancel()

    async def wait_closed(self) -> None:
        """Returns when they have ended."""
        await asyncio.gather(*self._handshakes, return_exceptions=True)

    def _accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                connection, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _NO_FILES:
                    raise
                self._wait_for_files(error)
                return
            connection.setblocking(False)
            if len(self._waiting) + len(self._handshakes) >= self._most_waiting:
                self._end_oldest()
            self._waiting[connection] = self._loop.call_later(HANDSHAKE_TIMEOUT, self._end, connection)
            self._loop.add_reader(connection, self._first_word, connection)

    def _wait_for_files(self, error: OSError) -> None:
        if self._loop.time() - self._warned_at >= WARNING_INTERVAL:
            self._warned_at = self._loop.time()
            text = "There is no open file for a new HTTPS connection: raise the limit of open files (LimitNOFILE=)"
            _log.warning(text, extra={"error": error.strerror})
        self._loop.remove_reader(self._listening)
        self._pause = self._loop.call_later(ACCEPT_PAUSE, self.start)
        self._end_oldest()

    def _end_oldest(self) -> None:
        if self._waiting:
            self._end(next(iter(self._waiting)))
        elif self._handshakes:
            next(iter(self._handshakes)).cancel()

    def _end(self, connection: socket.socket) -> None:
        self._release(connection)
        connection.close()

    def _release(self, connection: socket.socket) -> None:
        self._loop.remove_reader(connection)
        self._waiting.pop(connection).cancel()

    def _first_word(self, connection: socket.socket) -> None:
        try:
            first = connection.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            first = b""
        if not first:
            self._end(connection)
        elif first[0] == _HANDSHAKE_RECORD:
            self._release(connection)
            task = self._loop.create_task(self._speak_tls(connection))
            self._handshakes[task] = None
            task.add_done_callback(self._handshakes.pop)
        else:
            self._answer_in_clear(connection)

    async def _speak_tls(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(
                self._make_protocol, connection, ssl=self._context, ssl_handshake_timeout=HANDSHAKE_TIMEOUT
            )
        except (OSError, asyncio.CancelledError):
            # The handshake failed, or this connection makes room for another.
            connection.close()

    def _answer_in_clear(self, connection: socket.socket) -> None:
        self._release(connection)
        self._waiting[connection] = self._loop.call_later(LINGER, self._end, connection)
        with contextlib.suppress(OSError):
            # Fits the buffer of a new connection.
            connection.send(_ANSWER)
            connection.shutdown(socket.SHUT_WR)
        # Closed with something unread, the connection would be reset, and the answer be lost with it.
        self._loop.add_reader(connection, self._read_on, connection)

    def _read_on(self, connection: socket.socket) -> None:
        try:
            if connection.recv(65_536):
                return
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            pass
        self._end(connection)
