"""A bridge in this process: real doors, rooms and HTTP server over a media plane without media."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

from bridge.errors import BridgeError
from bridge.room import Grant, RoomLimits, Rooms
from bridge.signaling.calls import Calls, CallSettings, Door, Inviter, Recorder, TokenRenewal
from bridge.signaling.http import application
from bridge.signaling.mark import Mark
from bridge.signaling.operations import OperationsRoutes
from bridge.signaling.selftest import SelfTestDoor, SelfTestSettings
from bridge.signaling.server import HttpServer, ServerSettings
from bridge.signaling.stills import StillDoor, StillSettings
from bridge.signaling.web import WebFiles
from bridge.signaling.websocket import WebSocketDoor, WebSocketSettings
from bridge.signaling.whip import WhipDoor, WhipSettings
from tests.signaling.fake_media import FakeMedia, FakeMediaPlane
from tests.signaling.signal_client import SignalClient

EVERYTHING = frozenset(grant.value for grant in Grant)


@dataclass(frozen=True)
class Claims:
    tenant: str
    room: str
    identity: str
    name: str
    role: str
    grants: frozenset[str]
    enters: str = "direct"
    level: str = ""
    may_host: bool = True
    consents: bool = True
    consent_by_vendor: bool = False
    video_consent: bool = False
    view: str | None = None
    starts_in: float | None = None
    ends_in: float | None = None
    token_id: str = ""
    lifetime: float = 600.0


class FakeVerifier:
    """A token is "ROOM IDENTITY [GRANTS [ROLE]]"; grants stand between commas, all if left out.

    With "patient" for the grants it is a patient's, who enters by the lobby.
    """

    async def verify(self, token: str, *, room: str | None = None) -> Claims:
        parts = token.split()
        if len(parts) < 2:
            raise BridgeError("token_malformed", "This is not a signed token.")
        if "expired" in token:
            raise BridgeError("token_expired", "The token has expired.", field="exp")
        if room is not None and parts[0] != room:
            raise BridgeError("token_wrong_room", "The token opens another room.", field="room")
        if parts[2:] == ["patient"]:
            return Claims(
                "clinic",
                parts[0],
                parts[1],
                f"Name of {parts[1]}",
                "pasient",
                EVERYTHING - {"host"},
                enters="lobby",
                level="idporten-loa-high",
                may_host=False,
                token_id=f"token of {parts[1]}",
            )
        if parts[2:] == ["asks"]:
            return Claims("clinic", parts[0], parts[1], "", "fastlege", EVERYTHING, video_consent=True)
        grants = frozenset(parts[2].split(",")) if len(parts) > 2 else EVERYTHING
        role = parts[3] if len(parts) > 3 else "fastlege"
        return Claims("clinic", parts[0], parts[1], f"Name of {parts[1]}", role, grants)


class RecordingObserver:
    def __init__(self) -> None:
        self.counted: list[tuple[str, ...]] = []

    def on_joined(self, door: Door) -> None:
        self.counted.append(("joined", door))

    def on_refused(self, door: Door, code: str) -> None:
        self.counted.append(("refused", door, code))

    def on_first_media(self, door: Door, seconds: float) -> None:
        self.counted.append(("first_media", door))

    def on_resumed(self) -> None:
        self.counted.append(("resumed",))

    def on_ended(self, door: Door, reason: str) -> None:
        self.counted.append(("ended", door, reason))


@dataclass
class FakeHealth:
    workers: bool = True
    told: bool = True

    def live(self) -> dict[str, bool]:
        return {"event_loop": True}

    def ready(self) -> dict[str, bool]:
        return {"event_loop": True, "workers": self.workers, "told": self.told}

    def is_ready(self) -> bool:
        return self.workers


class FakeMetrics:
    def render(self) -> tuple[bytes, str]:
        return b"bridge_rooms 3\n", "text/plain; version=0.0.4; charset=utf-8"


@dataclass
class House:
    calls: Calls
    rooms: Rooms
    plane: FakeMediaPlane
    observer: RecordingObserver
    health: FakeHealth
    server: HttpServer
    stills: StillDoor
    self_tests: SelfTestDoor
    clients: list[SignalClient] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    @property
    def signal_url(self) -> str:
        return f"ws://127.0.0.1:{self.server.port}/v1/signal"

    async def client(self) -> SignalClient:
        """A client that is connected and has said nothing yet."""
        client = await SignalClient.connect(self.signal_url)
        self.clients.append(client)
        return client

    async def joined(self, identity: str, room: str = "room", **fields: object) -> SignalClient:
        """A client that has joined."""
        client = await self.client()
        await client.join(f"{room} {identity}", **fields)
        return client

    async def patient(self, identity: str, room: str = "room") -> SignalClient:
        """A patient's client, which has joined and waits unless it was let in before."""
        client = await self.client()
        await client.join(f"{room} {identity} patient")
        return client

    def media_of(self, client: SignalClient) -> FakeMedia:
        return self.plane.sessions[client.joined["session"]["id"]]


@asynccontextmanager
async def open_house(
    *,
    websocket: WebSocketSettings | None = None,
    whip: WhipSettings | None = None,
    calls: CallSettings | None = None,
    limits: RoomLimits | None = None,
    server: ServerSettings | None = None,
    web: Path | None = None,
    mark: Mark | None = None,
    metrics_for: str = "127.0.0.0/8",
    recorder: Recorder | None = None,
    stills: StillSettings | None = None,
    self_tests: SelfTestSettings | None = None,
    inviter: Inviter | None = None,
    renewal: TokenRenewal | None = None,
) -> AsyncIterator[House]:
    """A running bridge of the given settings."""
    limits = limits or RoomLimits()
    rooms = Rooms(limits, can_record=recorder is not None)
    plane, observer, health = FakeMediaPlane(), RecordingObserver(), FakeHealth()
    all_calls = Calls(
        FakeVerifier(),
        rooms,
        plane,
        settings=calls,
        observer=observer,
        recorder=recorder,
        inviter=inviter,
        renewal=renewal,
    )
    still_door = StillDoor(all_calls, stills or StillSettings())
    self_test_door = SelfTestDoor(all_calls, self_tests or SelfTestSettings())
    routes = [
        *WebSocketDoor(all_calls, websocket or WebSocketSettings(), version="0.1.0", grace=limits.grace).routes(),
        *WhipDoor(all_calls, whip or WhipSettings()).routes(),
        *still_door.routes(),
        *self_test_door.routes(),
        *OperationsRoutes(health, FakeMetrics(), [ip_network(metrics_for)]).routes(),
        *(WebFiles(web, mark=mark).routes() if web is not None else []),
    ]
    http = HttpServer(application(routes), server or ServerSettings(port=0))
    await http.start()
    house = House(all_calls, rooms, plane, observer, health, http, still_door, self_test_door)
    try:
        yield house
    finally:
        for client in house.clients:
            await client.vanish()
        await all_calls.close()
        await http.close()
