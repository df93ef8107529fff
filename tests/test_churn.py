"""Sessions that end in every way but the right one, by the hundred, and what is left of them: nothing.

Doors, rooms, media plane and core are the real ones, in this process. Their deadlines are far off, so that clients have
time to do what they do on a busy machine, too; once they have done it, the clock of the event loop leaps ahead.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest
from aioice import stun

from bridge.room import RoomLimits, Rooms
from bridge.sfu import MediaSettings, MediaTimeouts, Sfu
from bridge.sfu.certificate import Certificate
from bridge.sfu.dtls import DtlsEndpoint, DtlsState
from bridge.sfu.sdp import parser
from bridge.signaling.calls import Calls, CallSettings
from bridge.signaling.http import application
from bridge.signaling.server import HttpServer, ServerSettings
from bridge.signaling.websocket import WebSocketDoor, WebSocketSettings
from bridge.signaling.whip import WhipDoor, WhipSettings
from tests.sfu.support import fixture
from tests.signaling.house import FakeVerifier
from tests.signaling.signal_client import SignalClient
from tests.support.patience import PATIENCE

SESSIONS = 30
"""Of each way to end."""
DEADLINE = 600.0
"""Seconds until the bridge gives somebody up who does not come to the end of what they began."""
CONSENT = 5.0
"""Seconds of the core's own clock, which does not leap, until it misses a peer."""

OFFER = fixture("chrome_publish")
RECVONLY = fixture("chrome_recvonly")


class LeapingClock:
    """The clock of the running event loop, by which all its deadlines go."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._ahead, self._time = 0.0, loop.time
        loop.time = lambda: self._time() + self._ahead  # type: ignore[method-assign]

    def leap(self) -> None:
        """Whatever is due within `DEADLINE` is due."""
        self._ahead += DEADLINE


@dataclass
class Place:
    """A running bridge and what its clients need."""

    calls: Calls
    rooms: Rooms
    sfu: Sfu
    server: HttpServer
    http: httpx.AsyncClient
    clock: LeapingClock
    sockets: list[asyncio.DatagramTransport] = field(default_factory=list)

    def left_over(self) -> dict[str, int]:
        """What exists, by kind; kinds of which there is nothing are left out."""
        (worker,) = self.sfu.workers()
        counts = {
            "calls": len(self.calls),
            "rooms": len(self.rooms.room_ids()),
            "participants": self.rooms.participant_count(),
            "carried sources": len(self.calls.table),
            "media sessions": len(self.sfu.sessions()),
            "load": worker.sessions,
            "event routes": sum(len(handle._routes) for handle in self.sfu._pool.workers),
            "transports": worker.stats["transports"],
            "producers": worker.stats["producers"],
            "consumers": worker.stats["consumers"],
        }
        return {kind: count for kind, count in counts.items() if count}

    async def post(self, path: str, token: str, offer: str = OFFER) -> httpx.Response:
        headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {token}"}
        return await self.http.post(path, headers=headers, content=offer)

    async def joined(self, room: str) -> SignalClient:
        client = await SignalClient.connect(f"ws://127.0.0.1:{self.server.port}/v1/signal")
        await client.join(f"{room} {secrets.token_hex(4)}")
        return client

    async def nominate(self, answer: str) -> tuple[asyncio.DatagramTransport, asyncio.Queue[bytes]]:
        """Does what a client does until ICE is up; its socket, connected to the bridge, and what arrives there."""
        media = parser.parse(answer).media[0]
        (port,) = {int(line.split()[5]) for line in answer.splitlines() if line.startswith("a=candidate:udp0 ")}
        check = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        check.attributes["USERNAME"] = f"{media.ice_ufrag}:peer"
        check.attributes["PRIORITY"] = 1
        check.attributes["ICE-CONTROLLING"] = 1
        check.attributes["USE-CANDIDATE"] = None
        check.add_message_integrity((media.ice_pwd or "").encode())
        check.add_fingerprint()
        inbox: asyncio.Queue[bytes] = asyncio.Queue()
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Peer(inbox), remote_addr=("127.0.0.1", port)
        )
        self.sockets.append(transport)
        answered = False
        while not answered:
            # STUN retransmits (RFC 8489, section 6.2.1): the answer may be here before the worker has the transport.
            transport.sendto(bytes(check))
            with contextlib.suppress(TimeoutError):
                answered = bool(await asyncio.wait_for(inbox.get(), 0.5))
        return transport, inbox


class _Peer(asyncio.DatagramProtocol):
    def __init__(self, inbox: asyncio.Queue[bytes]) -> None:
        self._inbox = inbox

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._inbox.put_nowait(data)


@asynccontextmanager
async def open_place(patience: float = DEADLINE) -> AsyncIterator[Place]:
    """`patience` is that of the WebSocket door with who says nothing."""
    clock = LeapingClock()
    rooms = Rooms(RoomLimits(grace=0.2, linger=0.0))
    timeouts = MediaTimeouts(handshake=DEADLINE, consent=CONSENT, stall=0.5)
    sfu = Sfu(MediaSettings(listen=("127.0.0.1:0",), timeouts=timeouts))
    await sfu.start()
    calls = Calls(FakeVerifier(), rooms, sfu, settings=CallSettings(connect_timeout=DEADLINE, media_grace=0.2))
    routes = [
        *WebSocketDoor(
            calls, WebSocketSettings(first_message_timeout=patience, close_timeout=0.2), version="0", grace=0.2
        ).routes(),
        *WhipDoor(calls, WhipSettings(max_joins_per_second=1e6)).routes(),
    ]
    server = HttpServer(application(routes), ServerSettings(port=0))
    await server.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=PATIENCE) as http:
        place = Place(calls, rooms, sfu, server, http, clock)
        try:
            yield place
        finally:
            for socket in place.sockets:
                socket.close()
            await calls.close()
            await server.close()
            await sfu.close()


async def never_connects(place: Place, room: str) -> None:
    assert (await place.post(f"/whip/{room}", f"{room} cart{secrets.token_hex(4)}")).status_code == 201


async def is_deleted(place: Place, room: str) -> None:
    token = f"{room} cart{secrets.token_hex(4)}"
    made = await place.post(f"/whip/{room}", token)
    await place.http.delete(made.headers["location"], headers={"Authorization": f"Bearer {token}"})


async def is_replaced(place: Place, room: str) -> None:
    for _ in range(3):
        assert (await place.post(f"/whip/{room}", f"{room} same")).status_code == 201


async def watches_and_never_connects(place: Place, room: str) -> None:
    await place.post(f"/whip/{room}", f"{room} cart{secrets.token_hex(4)}")
    watched = await place.post(f"/whep/{room}", f"{room} viewer{secrets.token_hex(4)}", RECVONLY)
    assert watched.status_code in (201, 404, 409), watched.text


async def offers_nonsense(place: Place, room: str) -> None:
    assert (await place.post(f"/whip/{room}", f"{room} cart", "v=0\r\nnonsense")).status_code == 400
    assert (await place.post(f"/whip/{room}", f"{room} cart", RECVONLY)).status_code == 422


async def restarts_ice_and_never_connects(place: Place, room: str) -> None:
    token = f"{room} cart{secrets.token_hex(4)}"
    made = await place.post(f"/whip/{room}", token)
    fragment = f"a=ice-ufrag:{secrets.token_hex(4)}\r\na=ice-pwd:{secrets.token_hex(12)}\r\n"
    headers = {
        "Content-Type": "application/trickle-ice-sdpfrag",
        "Authorization": f"Bearer {token}",
        "If-Match": "*",
    }
    assert (await place.http.patch(made.headers["location"], headers=headers, content=fragment)).status_code == 200


async def vanishes_after_ice(place: Place, room: str) -> None:
    made = await place.post(f"/whip/{room}", f"{room} cart{secrets.token_hex(4)}")
    await place.nominate(made.text)


async def never_ends_its_handshake(place: Place, room: str) -> None:
    made = await place.post(f"/whip/{room}", f"{room} cart{secrets.token_hex(4)}")
    socket, _ = await place.nominate(made.text)
    client = DtlsEndpoint(CERTIFICATE, "client")
    client.start()
    for datagram in client.take_datagrams():
        socket.sendto(datagram)


async def vanishes_in_the_middle_of_a_call(place: Place, room: str) -> None:
    offer = re.sub("a=fingerprint:.*", f"a=fingerprint:sha-256 {CERTIFICATE.fingerprint.value}\r", OFFER)
    made = await place.post(f"/whip/{room}", f"{room} cart{secrets.token_hex(4)}", offer)
    socket, inbox = await place.nominate(made.text)
    client = DtlsEndpoint(CERTIFICATE, "client")
    client.set_peer_fingerprints(parser.parse(made.text).media[0].fingerprints)
    client.start()
    while client.state is not DtlsState.CONNECTED:
        for datagram in client.take_datagrams():
            socket.sendto(datagram)
        try:
            client.receive(await asyncio.wait_for(inbox.get(), client.next_timeout()))
        except TimeoutError:
            client.handle_timeout()
    for datagram in client.take_datagrams():
        socket.sendto(datagram)


async def sends_garbage_for_a_handshake(place: Place, room: str) -> None:
    made = await place.post(f"/whip/{room}", f"{room} cart{secrets.token_hex(4)}")
    socket, _ = await place.nominate(made.text)
    for _ in range(200):
        socket.sendto(b"\x16\xfe\xfd" + secrets.token_bytes(60))


async def joins_and_vanishes(place: Place, room: str) -> None:
    await (await place.joined(room)).vanish()


async def publishes_and_vanishes(place: Place, room: str) -> None:
    client = await place.joined(room)
    published = await client.request("publish", offer=OFFER, sources=[])
    assert published["type"] == "published", published
    await client.vanish()


async def never_answers_offers(place: Place, room: str) -> None:
    first, second = await place.joined(room), await place.joined(room)
    await first.request("publish", offer=OFFER, sources=[])
    await second.expect("subscribe_offer")
    await first.request("leave")
    await second.vanish()


async def offers_again_and_again(place: Place, room: str) -> None:
    client = await place.joined(room)
    for number in range(5):
        offer = OFFER.replace("4143686337", str(1_000 + number))
        assert (await client.request("publish", offer=offer, sources=[]))["type"] == "published"
    await client.vanish()


async def connects_and_says_nothing(place: Place, _room: str) -> None:
    client = await SignalClient.connect(f"ws://127.0.0.1:{place.server.port}/v1/signal")
    await client.closed()


async def until(condition: Callable[[], bool], each: Callable[[], None]) -> None:
    """Waits by a clock that does not leap; does `each` all the while."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE} s"
        each()
        await asyncio.sleep(0.02)


CERTIFICATE = Certificate.make(datetime.now(UTC))

WAYS: list[Callable[[Place, str], Awaitable[None]]] = [
    never_connects,
    is_deleted,
    is_replaced,
    watches_and_never_connects,
    offers_nonsense,
    restarts_ice_and_never_connects,
    vanishes_after_ice,
    never_ends_its_handshake,
    vanishes_in_the_middle_of_a_call,
    sends_garbage_for_a_handshake,
    joins_and_vanishes,
    publishes_and_vanishes,
    never_answers_offers,
    offers_again_and_again,
    connects_and_says_nothing,
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_nothing_is_left_of_a_session_that(way: Callable[[Place, str], Awaitable[None]]) -> None:
    async with open_place(0.5 if way is connects_and_says_nothing else DEADLINE) as place:
        before = asyncio.all_tasks()
        for batch in range(3):
            rooms = [f"room{batch}-{number % 4}" for number in range(SESSIONS // 3)]
            await asyncio.gather(*(way(place, room) for room in rooms))
        await until(lambda: not place.left_over(), place.clock.leap)
        await place.http.aclose()
        for socket in place.sockets:
            socket.close()
        await until(lambda: not asyncio.all_tasks() - before, place.clock.leap)
