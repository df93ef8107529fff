"""What a provider may take of the bridge's time."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from bridge.auth.oidc import HttpClient, SignInError, http
from tests.support.patience import PATIENCE


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    with contextlib.suppress(ConnectionError):
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)
    writer.close()


async def test_a_provider_that_drips_is_given_up_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would hold one of the connections that all providers share for as long as it liked."""
    monkeypatch.setattr(http, "DEADLINE", 0.3)
    client = HttpClient()
    try:
        async with await asyncio.start_server(_drip, "127.0.0.1", 0) as server, asyncio.timeout(PATIENCE):
            with pytest.raises(SignInError, match="TimeoutError"):
                await client.get(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys")
    finally:
        await client.close()
