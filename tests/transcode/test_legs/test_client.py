"""`bridge test-leg` at doors that are not on this machine in cleartext."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
import websockets
from websockets.asyncio.server import serve

from bridge.development_certificate import development_certificate
from bridge.errors import BridgeError
from bridge.transcode.test_legs.client import TestLeg as Leg
from bridge.transcode.test_legs.client import clock
from tests.support.bridge import BRIDGE
from tests.support.patience import PATIENCE


async def refuse(socket: websockets.ServerConnection) -> None:
    """A door that lets nobody in."""
    asked = json.loads(await socket.recv())
    await socket.send(json.dumps({"type": "error", "reply_to": asked["id"], "code": "banned", "message": "Not you."}))
    await socket.wait_closed()


async def test_a_door_of_tls_is_believed_by_the_systems_authorities(tmp_path: Path) -> None:
    chain, key = development_certificate(tmp_path, [])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    async with serve(refuse, "127.0.0.1", 0, ssl=context) as door:
        url = f"wss://127.0.0.1:{door.sockets[0].getsockname()[1]}/v1/signal"
        said = []
        for authorities in (chain, Path(os.devnull)):
            command = [str(BRIDGE), "test-leg", "--token", "a token", "--url", url, "clock"]
            process = await asyncio.create_subprocess_exec(
                *command, stderr=PIPE, env=os.environ | {"SSL_CERT_FILE": str(authorities)}
            )
            _, err = await asyncio.wait_for(process.communicate(), PATIENCE)
            assert process.returncode == 2
            said.append(err.decode())
    assert "Not you." in said[0]
    assert "certificate verify failed" in said[1]


@pytest.mark.parametrize("url", ["ws://", "ws://[::1/", "ws://127.0.0.1:99999/v1/signal", "http://127.0.0.1"])
async def test_what_names_no_door_is_told(url: str) -> None:
    with pytest.raises(BridgeError) as refused:
        await Leg(url, "a token", clock()).run()
    assert (refused.value.code, refused.value.field) == ("bad_url", "url")
