"""HTTPS without a proxy in front: who says nothing, or the wrong thing, keeps nobody out."""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bridge.development_certificate import development_certificate
from bridge.signaling import protocols, tls_listener
from bridge.signaling.server import HttpServer, ServerSettings
from bridge.signaling.tls_listener import TlsListener
from tests.support.patience import PATIENCE


async def _hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


@asynccontextmanager
async def https(folder: Path) -> AsyncIterator[HttpServer]:
    certificate, key = development_certificate(folder, [])
    app = Starlette(routes=[Route("/", _hello)])
    server = HttpServer(app, ServerSettings(port=0, certificate=certificate, key=key))
    await server.start()
    try:
        yield server
    finally:
        await server.close()


async def greeting(port: int, folder: Path) -> str:
    """What a client reads that holds the server's certificate against its own copy."""
    context = ssl.create_default_context(cafile=str(folder / "development-certificate.pem"))
    async with httpx.AsyncClient(verify=context, timeout=PATIENCE, trust_env=False) as client:
        return (await client.get(f"https://127.0.0.1:{port}/")).text


async def read_all(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(PATIENCE):
        try:
            return await reader.read()
        except ConnectionError:
            return b""


async def test_who_speaks_http_in_clear_is_told_to_speak_https(tmp_path: Path) -> None:
    async with https(tmp_path) as server:
        async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
            url = f"http://127.0.0.1:{server.port}/whip/room"
            for answer in (await client.get(url), await client.post(url, content=b"v" * 300_000)):
                assert (answer.status_code, answer.json()["code"]) == (400, "https_required")
                assert answer.headers["content-type"] == "application/problem+json"
        assert await greeting(server.port, tmp_path) == "hello"


async def test_connections_that_say_nothing_make_room_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocols, "MAX_IDLE", 3)
    async with https(tmp_path) as server:
        silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3)]
        # Begins a handshake, and no more.
        half = await asyncio.open_connection("127.0.0.1", server.port)
        half[1].write(b"\x16\x03\x01")
        assert await read_all(silent[0][0]) == b""
        for _ in range(4):
            assert await greeting(server.port, tmp_path) == "hello"
        assert await read_all(silent[1][0]) == b""
        for _, writer in [*silent, half]:
            writer.close()


async def test_idle_connections_leave_most_of_the_open_files_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    assert protocols.most_idle() == 64
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert protocols.most_idle() == protocols.MAX_IDLE


class _WithoutFiles(socket.socket):
    """A listening socket for whose connections there is no open file at first."""

    refusals = 3

    def accept(self) -> Any:
        """The next connection, after a while."""
        if self.refusals:
            self.refusals -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


async def test_who_comes_while_there_is_no_open_file_is_served_later_and_the_log_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tls_listener, "ACCEPT_PAUSE", 0.01)
    certificate, key = development_certificate(tmp_path, [])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listening = _WithoutFiles(socket.AF_INET, socket.SOCK_STREAM)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    listening.setblocking(False)
    made = asyncio.Event()

    class Protocol(asyncio.Protocol):
        def connection_made(self, _: asyncio.BaseTransport) -> None:
            made.set()

    listener = TlsListener(listening, context, Protocol, 10)
    with caplog.at_level(logging.WARNING, "bridge.signaling.tls_listener"):
        listener.start()
        trusting = ssl.create_default_context(cafile=str(certificate))
        port = listening.getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting)
        async with asyncio.timeout(PATIENCE):
            await made.wait()
        writer.close()
        listener.close()
        await listener.wait_closed()
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "There is no open file for a new HTTPS connection"
    ]


async def test_a_server_that_closes_ends_handshakes_under_way(tmp_path: Path) -> None:
    async with https(tmp_path) as server:
        silent = await asyncio.open_connection("127.0.0.1", server.port)
        half = await asyncio.open_connection("127.0.0.1", server.port)
        half[1].write(b"\x16\x03\x01")
        assert await greeting(server.port, tmp_path) == "hello"
    for reader, writer in (silent, half):
        assert await read_all(reader) == b""
        writer.close()
