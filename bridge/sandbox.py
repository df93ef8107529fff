"""What a development bridge has for vendors who try the protocol out: a room with an echo in it, and an API key.

The echo is a process of its own, `bridge test-leg echo`, which is there for as long as somebody else is.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bridge.auth import DEVELOPMENT_ISSUER, development_secret, mint
from bridge.auth.api_keys import SCOPES, ApiKeys
from bridge.auth.printed_keys import API_KEY, printed_key
from bridge.configuration import Address
from bridge.issuers import read_roles
from bridge.room import ParticipantJoined, ParticipantLeft, RoomClosed, RoomEvent, room_id
from bridge.settings import Settings

ROOM = "sandbox"
ROLE = "spesialist"
"""Everybody's, where the roles file has it; else it is the file's first."""
ECHO = "echo"
"""The identity of the echo."""
PAGES = {"/sandbox": "client/sandbox.html"}
STOP_SECONDS = 5.0

_ROOM_ID = room_id(DEVELOPMENT_ISSUER, ROOM)


class Sandbox:
    """A room listener that brings the echo in and out."""

    def __init__(self, settings: Settings, port: Callable[[], int]) -> None:
        """`port` is where HTTP is served, to be asked once it is."""
        self._settings = settings
        self._port = port
        self._people: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def __call__(self, event: RoomEvent) -> None:
        """Follows who is in the room."""
        if event.room_id != _ROOM_ID:
            return
        match event:
            case ParticipantJoined(participant=participant) if participant.identity != ECHO:
                self._people.add(participant.id)
            case ParticipantLeft(participant_id=who):
                self._people.discard(who)
            case RoomClosed():
                self._people.clear()
            case _:
                return
        if self._people and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._echo())
        elif not self._people and self._task is not None:
            self._task.cancel()
            self._task = None

    async def close(self) -> None:
        """Ends the echo. Idempotent."""
        self._people.clear()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _echo(self) -> None:
        host, secure = self._settings.http.listen, self._settings.http.tls_certificate
        address = Address("::1" if ":" in host.host else "127.0.0.1", 0) if host.is_unspecified else host
        url = f"{'ws' if secure is None else 'wss'}://{Address(address.host, self._port())}/v1/signal"
        # The certificate of a development bridge is its own authority.
        environment = {**os.environ, **({} if secure is None else {"SSL_CERT_FILE": str(secure)})}
        command = [sys.executable, "-m", "bridge.cli", "test-leg", "echo", "--url", url]
        token = sandbox_token(self._settings, ECHO, "Echo")
        process = await asyncio.create_subprocess_exec(*command, "--token", token, env=environment)
        try:
            await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), STOP_SECONDS)
                except TimeoutError:
                    process.kill()


def sandbox_token(settings: Settings, identity: str, name: str) -> str:
    """A join token for the sandbox, past its lobby. The development key is there already."""
    roles = read_roles(settings.rooms)
    return mint(
        development_secret(settings.data.directory, create=False),
        issuer=DEVELOPMENT_ISSUER,
        audience=settings.tokens.audience,
        room=ROOM,
        identity=identity,
        role=ROLE if ROLE in roles else next(iter(roles)),
        name=name,
        enters="direct",
        issued_at=time.time(),
        ttl=settings.tokens.max_ttl,
    )


def sandbox_key(data: Path, note: Callable[[str], None]) -> str:
    """The API key that a development bridge prints. `note`: see `printed_key`. Raises `BridgeError` or `OSError`."""
    keys = ApiKeys(data)
    return printed_key(
        keys,
        data / API_KEY,
        lambda key_id: keys.create(DEVELOPMENT_ISSUER, "sandbox", key_id=key_id, scopes=SCOPES),
        note,
    )
