"""How `bridge rooms`, `report` and `drain` ask a running bridge: over a Unix socket in the data directory.

The socket's permissions are the lock: who may read the data directory's keys may ask, nobody else can even connect, and
no port is opened. A request is one line of JSON, `{"ask": "rooms"}` or `{"ask": "report", "about": "a room's id"}`, the
answer another, `{"answer": …}`; `{"ask": "drain", "about": "on"}` has it drain. What is refused is answered by
`{"refused": {"code": …, "message": …}}`, what nobody knows by `{"error": …}`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import stat
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bridge.errors import BridgeError

_log = logging.getLogger(__name__)

SOCKET_NAME = "admin.sock"
MAX_REQUEST_BYTES = 1024
TIMEOUT = 15.0
"""Seconds for a request to arrive and its answer to come: longer than an act takes that waits for the audit log behind
another, so that whoever asks is told why it was not done."""

Answer = Callable[[], Any]
AnswerAbout = Callable[[str], Awaitable[Any]]


class AdminError(BridgeError):
    """The running bridge cannot be asked (`not_running`, `bad_answer`), or refuses, with a code of its own."""


class AdminServer:
    """Answers questions about this process, each by a function that gives something to write as JSON.

    `about` are questions about one thing, which is named.
    """

    def __init__(
        self, data: Path, answers: Mapping[str, Answer], about: Mapping[str, AnswerAbout] | None = None
    ) -> None:
        self._path = data / SOCKET_NAME
        self._answers = dict(answers)
        self._about = dict(about or {})
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listens. Raises `OSError`."""
        # What a killed bridge left behind; a running one holds the lock of the data directory.
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISSOCK(self._path.stat().st_mode):
                self._path.unlink()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # Nobody can connect before `listen`, so there is no moment at which the socket is open to others.
            with _short(self._path) as path:
                listener.bind(path)
            os.chmod(self._path, 0o600)
            self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=MAX_REQUEST_BYTES)
        except BaseException:
            listener.close()
            raise

    async def close(self) -> None:
        """Ends. Idempotent."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(TIMEOUT):
                writer.write(await self._answer(await reader.readuntil(b"\n")) + b"\n")
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            _log.debug("An administrator's request came to nothing")
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> bytes:
        try:
            request = json.loads(line)
        except ValueError:
            request = None
        question = request.get("ask") if isinstance(request, dict) else None
        subject = request.get("about") if isinstance(request, dict) else None
        about = self._about.get(question) if isinstance(question, str) else None
        if about is not None and isinstance(subject, str):
            try:
                return json.dumps({"answer": await about(subject)}).encode()
            except BridgeError as error:
                return json.dumps({"refused": error.as_dict()}).encode()
        answer = self._answers.get(question) if isinstance(question, str) else None
        if answer is None:
            return json.dumps({"error": "unknown question", "known": sorted({*self._answers, *self._about})}).encode()
        return json.dumps({"answer": answer()}).encode()


class AdminClient:
    """Asks the bridge that runs with a data directory."""

    def __init__(self, data: Path) -> None:
        self._path = data / SOCKET_NAME

    def ask(self, question: str, about: str | None = None) -> Any:
        """The answer. Blocks for `TIMEOUT` at most. Raises `AdminError`."""
        try:
            with _short(self._path) as path, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(TIMEOUT)
                connection.connect(path)
                request = {"ask": question} if about is None else {"ask": question, "about": about}
                connection.sendall(json.dumps(request).encode() + b"\n")
                with connection.makefile("rb") as file:
                    reply = json.loads(file.readline())
        except (FileNotFoundError, ConnectionRefusedError):
            raise AdminError(
                "not_running",
                f"No bridge runs with the data directory {self._path.parent}.",
                hint="Start one with `bridge serve`, or name its directory with --data.",
            ) from None
        except (OSError, ValueError) as error:
            raise AdminError("bad_answer", f"The bridge does not answer: {type(error).__name__}.") from error
        if isinstance(reply, dict) and isinstance(refused := reply.get("refused"), dict):
            raise AdminError(**refused)
        if not isinstance(reply, dict) or "answer" not in reply:
            raise AdminError(
                "bad_answer", "The running bridge does not know this question.", hint="Is it of another version?"
            )
        return reply["answer"]


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """Another name for `path`, short enough for a Unix socket (107 bytes) wherever the data directory is."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
