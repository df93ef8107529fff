"""What a stranger throws at a running bridge gets no answer that could be aimed at somebody, and no call notices."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import socket
from pathlib import Path

import httpx
import jwt
import pytest
import websockets
from aioice import stun

from tests.support.bridge import Bridge, eventually, running_bridge
from tests.support.media import RED, ToneTrack
from tests.support.patience import PATIENCE
from tests.support.webrtc_http import Publisher, Viewer

FEW_FILES = 256
"""Open files of a bridge whose operator has not thought of it."""


def hostile_datagrams() -> list[bytes]:
    """Malformed, truncated, oversized and unauthenticated packets of every kind that shares the port (RFC 7983)."""
    chance = random.Random(7)
    stranger = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    stranger.attributes["USERNAME"] = "nobody:knows"
    stranger.add_message_integrity(b"guessed")
    stranger.add_fingerprint()
    plain = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    hello = bytes.fromhex("16feff0000000000000000002d01000021000000000000002100fefd") + bytes(20)
    rtp = bytes([0x80, 96]) + chance.randbytes(1200)
    return [
        b"",
        b"\x00",
        chance.randbytes(1),
        chance.randbytes(20),
        bytes(stranger),
        bytes(stranger)[:-5],
        bytes(plain),
        hello,
        hello[:14],
        rtp,
        rtp[:11],
        bytes([0x80, 200, 0xFF, 0xFF]) + chance.randbytes(60),
        chance.randbytes(65_000),
        *(chance.randbytes(chance.randrange(2, 1400)) for _ in range(200)),
    ]


async def metric(bridge: Bridge, name: str) -> float:
    """The sum of all series of a metric."""
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        text = (await client.get(f"{bridge.url}/metrics")).text
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.split("{")[0].split(" ")[0] == name)


async def test_hostile_packets_get_no_answer_and_no_call_notices(bridge: Bridge, room: str) -> None:
    publisher = Publisher(f"{bridge.url}/whip/{room}", bridge.token(room, "doctor"))
    viewer = Viewer(f"{bridge.url}/whep/{room}", bridge.token(room, "viewer", "pasient"))
    await publisher.publish([ToneTrack(RED)])
    await viewer.view(["audio"])
    try:
        await viewer.watchers[0].expect(RED)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.connect(("127.0.0.1", bridge.media_port))
            for _ in range(20):
                for datagram in hostile_datagrams():
                    stranger.send(datagram)
                await asyncio.sleep(0.01)
            await viewer.watchers[0].expect(RED)
            stranger.setblocking(False)
            with pytest.raises(BlockingIOError):
                stranger.recv(2048)
        assert await metric(bridge, "bridge_worker_errors_total") > 100
    finally:
        await viewer.close()
        await publisher.close()


async def test_tcp_connections_that_prove_nothing_are_closed(bridge: Bridge) -> None:
    async def connection(first: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", bridge.media_port)
        writer.write(first)
        try:
            return await asyncio.wait_for(reader.read(), PATIENCE)
        finally:
            writer.close()

    answers = await asyncio.gather(
        connection(b"GET / HTTP/1.1\r\n\r\n"),
        connection(b"\xff\xff" + os.urandom(100)),
        connection(b""),
        return_exceptions=True,
    )
    assert all(answer == b"" or isinstance(answer, ConnectionError) for answer in answers)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"exp": 1}, "token_expired"),
        ({"nbf": 9_999_999_999}, "token_not_yet_valid"),
        ({"aud": "someone-else"}, "token_wrong_audience"),
        ({"iss": "nobody"}, "token_unknown_issuer"),
        ({"role": "overlege"}, "token_unknown_role"),
        ({"exp": 9_999_999_999}, "token_too_long_lived"),
    ],
)
async def test_a_bad_token_is_refused_by_its_reason(
    bridge: Bridge, room: str, change: dict[str, object], code: str
) -> None:
    claims = jwt.decode(bridge.token(room, "someone"), options={"verify_signature": False})
    key = (bridge.data / "development.key").read_bytes().strip()
    token = jwt.encode(claims | change, key, algorithm="HS256")
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        answer = await client.post(
            f"{bridge.url}/whip/{room}",
            content="v=0\r\n",
            headers={"Content-Type": "application/sdp", "Authorization": f"Bearer {token}"},
        )
    assert answer.status_code in (401, 403)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert token not in answer.text


async def test_unsigned_tokens_and_foreign_keys_are_refused(bridge: Bridge, room: str) -> None:
    claims = jwt.decode(bridge.token(room, "someone"), options={"verify_signature": False})
    unsigned = jwt.encode(claims, "", algorithm="none")
    foreign = jwt.encode(claims, "another key, long enough for HS256 to take it", algorithm="HS256")
    for token in (unsigned, foreign, "x.y.z", ""):
        async with websockets.connect(bridge.ws_url) as door:
            await door.send(json.dumps({"type": "join", "id": 1, "token": token or "-"}))
            answer = json.loads(await door.recv())
        assert answer["type"] == "error"
        assert answer["code"].startswith("token_")
        assert answer["hint"]


async def test_a_token_opens_its_own_room_only(bridge: Bridge, room: str) -> None:
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        answer = await client.post(
            f"{bridge.url}/whip/another-room",
            content="v=0\r\n",
            headers={"Content-Type": "application/sdp", "Authorization": f"Bearer {bridge.token(room, 'x')}"},
        )
    assert answer.status_code == 403
    assert answer.json()["code"] == "token_wrong_room"


@pytest.mark.parametrize("sdp", ["", "v=0", "not sdp at all", "v=0\r\n" + "a=x\r\n" * 20_000, "v=0\r\nm=video\r\n"])
async def test_bad_sdp_is_answered_by_what_is_wrong_with_it(bridge: Bridge, room: str, sdp: str) -> None:
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        answer = await client.post(
            f"{bridge.url}/whip/{room}",
            content=sdp,
            headers={"Content-Type": "application/sdp", "Authorization": f"Bearer {bridge.token(room, 'x')}"},
        )
    assert answer.status_code in (400, 413, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in answer.text


async def test_an_oversized_body_is_refused(bridge: Bridge, room: str) -> None:
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        answer = await client.post(
            f"{bridge.url}/whip/{room}",
            content=b"v=0\r\n" + b"a" * 5_000_000,
            headers={"Content-Type": "application/sdp", "Authorization": f"Bearer {bridge.token(room, 'x')}"},
        )
    assert answer.status_code == 413


async def test_a_client_that_does_not_read_is_dropped_alone(bridge: Bridge, room: str) -> None:
    # Before the door is knocked at: it waits for a token for some seconds only.
    lazy_token, diligent_token = bridge.token(room, "lazy"), bridge.token(room, "diligent")
    lazy = await websockets.connect(bridge.ws_url, max_queue=1)
    await lazy.send(json.dumps({"type": "join", "id": 1, "token": lazy_token}))
    lazy.transport.pause_reading()

    async def send_without_reading() -> None:
        """Its own requests fill its own queue: it reads none of the replies."""
        number = 1
        while True:
            number += 1
            await lazy.send(json.dumps({"type": "ping", "id": number}))
            await asyncio.sleep(0)

    with pytest.raises(websockets.ConnectionClosed):
        await asyncio.wait_for(send_without_reading(), PATIENCE)
    async with websockets.connect(bridge.ws_url) as door:
        await door.send(json.dumps({"type": "join", "id": 1, "token": diligent_token}))
        assert json.loads(await door.recv())["type"] == "joined"


async def test_nothing_personal_is_logged(bridge: Bridge, room: str) -> None:
    token = bridge.token(room, "fnr-01017012345", "pasient", "--name", "Kari Nordmann")
    async with websockets.connect(bridge.ws_url) as door:
        await door.send(json.dumps({"type": "join", "id": 1, "token": token}))
        assert json.loads(await door.recv())["type"] == "joined"
        await door.send(json.dumps({"type": "leave", "id": 2}))
        address, port = door.local_address[:2]
    await eventually(lambda: bridge.log.stat().st_size > 0)
    # The links that a development bridge prints at its start are for the one who started it.
    log = "\n".join(line for line in bridge.log.read_text().splitlines() if "/join#" not in line)
    for secret in (token, "Kari", "Nordmann", "01017012345", f"{address}:{port}", "Traceback"):
        assert secret not in log


async def test_strangers_on_the_port_of_media_leave_files_to_those_who_call(tmp_path: Path, room: str) -> None:
    few = ("sh", "-c", f'ulimit -n {FEW_FILES} && exec "$0" "$@"')
    with running_bridge(tmp_path, wrapper=few) as bridge, contextlib.ExitStack() as strangers:
        for _ in range(2 * FEW_FILES):
            stranger = strangers.enter_context(socket.socket())
            stranger.setblocking(False)
            stranger.connect_ex(("127.0.0.1", bridge.media_port))
        publisher = Publisher(f"{bridge.url}/whip/{room}", bridge.token(room, "doctor"))
        viewer = Viewer(f"{bridge.url}/whep/{room}", bridge.token(room, "viewer", "pasient"))
        await publisher.publish([ToneTrack(RED)])
        await viewer.view(["audio"])
        await viewer.watchers[0].expect(RED)
        await viewer.close()
        await publisher.close()
