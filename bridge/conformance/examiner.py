"""The door in front of a real bridge, and the examination that a client goes through behind it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass

import websockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from bridge.conformance.questions import Questions, room_changed
from bridge.conformance.reaching import not_reached
from bridge.conformance.report import Report
from bridge.conformance.watching import Watching
from bridge.errors import BridgeError
from bridge.signaling.websocket.close_codes import REMOVED

SUBPROTOCOL = "bridge.v1"
FIRST_MESSAGE_SECONDS = 10.0
PONG_SECONDS = 10.0
MAX_MESSAGE = 1 << 20
_NO_CODES = (1005, 1006)
"""Close codes that no frame has: there was none, or none with a code (RFC 6455 §7.4.1)."""
LEAVE = json.dumps({"type": "leave", "id": 2**52})
ENDED = json.dumps(
    {
        "type": "closing",
        "code": "ended",
        "message": "The examination is over.",
        "close_code": REMOVED,
        "retry": False,
    }
)
UNKNOWN = (
    json.dumps({"type": "of_a_later_version", "participant_id": "nobody"}),
    json.dumps({"type": "audio_levels", "levels": [], "of_a_later_version": {"deep": [1]}}),
)
ERROR = json.dumps({"type": "error", "code": "bad_message", "message": "This is part of the examination."})


@dataclass(frozen=True, slots=True)
class Examination:
    """How long to wait, in seconds."""

    arrival: float = 300.0
    """For the client to come."""
    media: float = 20.0
    """For each of its connections to stand."""
    answer: float = 60.0
    """For its user to answer a question."""
    settle: float = 2.0
    """To see what the client makes of something."""
    comeback: float = 30.0
    """For the client to be back after its WebSocket was lost."""


@dataclass
class _Pair:
    """A WebSocket of the client, and the one to the bridge that goes with it."""

    client: ServerConnection
    bridge: ClientConnection

    @property
    def stands(self) -> bool:
        return self.client.state is websockets.State.OPEN and self.bridge.state is websockets.State.OPEN

    def cut(self) -> None:
        """Loses both as a network does: no close frame."""
        self.client.transport.abort()
        self.bridge.transport.abort()


class _Door:
    """Takes the client in, and passes on what it and the bridge say."""

    def __init__(self, url: str, report: Report, watching: Watching, questions: Questions) -> None:
        self._url = url
        self._report = report
        self._watching = watching
        self._questions = questions
        self.pair: _Pair | None = None
        self.first: dict[str, object] = {}
        """The first message on the newest WebSocket."""
        self.arrivals = 0
        self.over = False
        self.unreachable: BridgeError | None = None

    async def __call__(self, client: ServerConnection) -> None:
        self.arrivals += 1
        if self.over:
            await client.close(REMOVED, "ended")
            return
        self._watching.opened(client.request.path if client.request is not None else "")
        try:
            text = await asyncio.wait_for(client.recv(), FIRST_MESSAGE_SECONDS)
        except TimeoutError:
            self._report.failed("first_message", "None came within 10 seconds.")
            return
        self._watching.client_says(text, first=True)
        with contextlib.suppress(ValueError):
            self.first = json.loads(text)
        offered = [client.subprotocol] if client.subprotocol is not None else None
        try:
            bridge = await connect(self._url, subprotocols=offered, max_size=MAX_MESSAGE)
        except (OSError, websockets.WebSocketException) as error:
            self.unreachable = not_reached(error)
            self._watching.changed.set()
            return
        async with bridge:
            pair = self.pair = _Pair(client, bridge)
            await bridge.send(text)
            up = asyncio.create_task(self._pass_up(pair))
            try:
                await self._pass_down(pair)
            finally:
                up.cancel()
                self._watching.changed.set()

    async def _pass_up(self, pair: _Pair) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in pair.client:
                self._watching.client_says(text, first=False)
                reply = self._questions.reply_to(text)
                if reply is None:
                    await pair.bridge.send(text)
                else:
                    self._watching.answered(reply[0])
                    await pair.client.send(reply[1])
        code = pair.client.close_code
        if code is None or code in _NO_CODES:
            pair.bridge.transport.abort()
        else:
            await pair.bridge.close(code)

    async def _pass_down(self, pair: _Pair) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in pair.bridge:
                assert isinstance(text, str)  # noqa: S101 - the bridge sends text frames
                self._watching.bridge_says(text)
                await pair.client.send(text)
        code = pair.bridge.close_code
        if code is None or code in _NO_CODES:
            pair.client.transport.abort()
        else:
            await pair.client.close(code, pair.bridge.close_reason or "")


async def examine(
    url: str,
    host: str,
    port: int,
    *,
    on_ready: Callable[[str], None],
    examination: Examination | None = None,
) -> Report:
    """Opens a door on `host`:`port` (0 for any) for one client of the bridge whose door is `url`, and examines it.

    `on_ready` is told where the client is to go. Raises `BridgeError`: `no_client`, `no_bridge`, `cannot_serve`.
    """
    report = Report()
    watching, questions = Watching(report), Questions(report)
    door = _Door(url, report, watching, questions)
    try:
        server = await serve(
            door,
            host,
            port,
            select_subprotocol=lambda _door, offered: SUBPROTOCOL if SUBPROTOCOL in offered else None,  # type: ignore[arg-type, return-value]
            ping_interval=None,
            max_size=MAX_MESSAGE,
        )
    except OSError as error:
        raise BridgeError("cannot_serve", f"Nothing can listen on {host}:{port}: {error.strerror}.") from None
    async with server:
        bound = next(iter(server.sockets)).getsockname()
        on_ready(f"ws://{bound[0]}:{bound[1]}/v1/signal")
        await _Examiner(report, watching, questions, door, examination or Examination()).run()
    return report


class _Examiner:
    """Goes through the examination, step by step."""

    def __init__(
        self, report: Report, watching: Watching, questions: Questions, door: _Door, waits: Examination
    ) -> None:
        self._report = report
        self._watching = watching
        self._questions = questions
        self._door = door
        self._waits = waits

    async def run(self) -> None:
        """Returns when there is nothing more to see."""
        if not await self._until(lambda: self._joined or self._gone, self._waits.arrival):
            raise BridgeError("no_client", "No client has come.", hint="Have it connect to the URL that was printed.")
        if self._door.unreachable is not None:
            raise self._door.unreachable
        if not self._joined:
            return
        await self._media()
        for after, step in (
            ("accepted", self._keepalive),
            ("keepalive", lambda: self._inject("unknown_ignored", *UNKNOWN)),
            ("unknown_ignored", lambda: self._inject("error_survived", ERROR)),
            ("error_survived", self._ask_to_record),
            ("consent_asked", self._record),
            ("recording_told", self._take_a_question_back),
            ("consent_taken_back", self._ask_for_video),
            ("video_consent", self._lose),
        ):
            if not self._alive(after):
                break
            await step()
        await self._end()

    @property
    def _joined(self) -> bool:
        return self._watching.joined is not None

    @property
    def _gone(self) -> bool:
        pair = self._door.pair
        return self._door.unreachable is not None or (pair is not None and not pair.stands)

    async def _media(self) -> None:
        joined = self._watching.joined or {}
        if "lobby" in joined:
            self._report.not_seen("publish", "It waits in the lobby: take a token that enters directly.")
            return
        if not await self._until(lambda: self._watching.stands("publish"), self._waits.media):
            self._report.not_seen("publish", "Nothing was published, or the connection never stood.")
        if not await self._until(lambda: self._watching.stands("subscribe"), self._waits.media):
            if self._watching.waits_for_answer:
                self._report.failed("subscribe", "An offer was not answered.")
            self._report.not_seen(
                "subscribe", "Nobody else publishes here, or the connection never stood: --peer-token."
            )

    def _alive(self, after: str) -> bool:
        pair = self._door.pair
        if pair is not None and pair.stands:
            return True
        self._report.failed(after, "The connection was ended then.")
        return False

    async def _keepalive(self) -> None:
        assert self._door.pair is not None  # noqa: S101 - somebody joined
        try:
            pong = await self._door.pair.client.ping()
            await asyncio.wait_for(pong, PONG_SECONDS)
        except (TimeoutError, websockets.ConnectionClosed):
            self._report.failed("keepalive", "No pong came within 10 seconds.")
        else:
            self._report.passed("keepalive")

    async def _inject(self, check: str, *texts: str) -> None:
        arrivals = self._door.arrivals
        await self._tell(*texts)
        if await self._until(lambda: self._gone or self._door.arrivals > arrivals, self._waits.settle):
            self._report.failed(check, "The client ended the connection.")
        else:
            self._report.passed(check)

    async def _ask_to_record(self) -> None:
        await self._tell(self._questions.ask(self._somebody), self._room(recording="asking"))
        if await self._until(lambda: self._gone or self._questions.consents is not None, self._waits.answer):
            if not self._gone:
                self._report.passed("consent_asked")
        else:
            why = f"No answer came within {self._waits.answer:.0f} seconds: a recording would wait for it."
            self._report.failed("consent_asked", why)
        self._questions.take_back()

    async def _record(self) -> None:
        states = ("on", "paused", "on", "off") if self._questions.consents else ("off",)
        await self._inject("recording_told", *(self._room(recording=state) for state in states))

    async def _take_a_question_back(self) -> None:
        question = self._questions.ask(self._somebody)
        self._questions.take_back()
        await self._inject("consent_taken_back", question, self._room(recording="asking"), self._room(recording="off"))

    async def _ask_for_video(self) -> None:
        if not self._watching.sends_camera:
            self._report.not_seen("video_consent", "It publishes no camera.")
            return
        if self._watching.room.get("video_consent"):
            self._report.not_seen("video_consent", "The room asks for it, and no answer came.")
            return
        self._questions.ask_for_video(True)
        await self._tell(self._room(video_consent=True))
        if not await self._until(lambda: self._gone or self._questions.video_answered, self._waits.answer):
            why = "No answer came. A bridge keeps the camera out then; a client may wait until it is turned on."
            self._report.not_seen("video_consent", why)
        self._questions.ask_for_video(False)
        await self._tell(self._room())

    def _room(self, **changes: str | bool) -> str:
        """Tells of the room as it is, but for what the examination pretends."""
        return room_changed(self._watching.room, **changes)

    @property
    def _somebody(self) -> str:
        """Id of who is said to ask: somebody whom the client knows, if anybody is there."""
        joined = self._watching.joined or {}
        others = [each["id"] for each in joined.get("participants", ())]
        return str(others[0] if others else joined.get("participant_id"))

    async def _tell(self, *texts: str) -> None:
        assert self._door.pair is not None  # noqa: S101 - somebody joined
        with contextlib.suppress(websockets.ConnectionClosed):
            for text in texts:
                await self._door.pair.client.send(text)

    async def _lose(self) -> None:
        pair, joined = self._door.pair, self._watching.joined
        assert pair is not None  # noqa: S101 - somebody joined
        assert joined is not None  # noqa: S101
        session, arrivals = joined["session"], self._door.arrivals
        pair.cut()
        if not await self._until(
            lambda: self._door.arrivals > arrivals and self._watching.joined is not joined, self._waits.comeback
        ):
            what = "It came back, and was not let in." if self._door.arrivals > arrivals else "It did not come back."
            self._report.failed("resume", what)
            return
        first = self._door.first
        if first.get("type") != "resume":
            self._report.failed("resume", f"It came back with {first.get('type')!r}: others saw it leave.")
        elif first.get("session_id") != session["id"]:
            self._report.failed("resume", "It named another session.")
        else:
            self._report.passed("resume")

    async def _end(self) -> None:
        pair = self._door.pair
        if pair is None or not pair.stands:
            self._report.not_seen("stops", "It was gone already.")
            return
        self._door.over, arrivals = True, self._door.arrivals
        with contextlib.suppress(websockets.ConnectionClosed):
            # The bridge is told first: nobody of the room is to wait for somebody who was sent away here.
            await pair.bridge.send(LEAVE)
            await pair.client.send(ENDED)
            await pair.client.close(REMOVED, "ended")
        if await self._until(lambda: self._door.arrivals > arrivals, self._waits.settle):
            self._report.failed("stops", "It connected again.")
        else:
            self._report.passed("stops")

    async def _until(self, condition: Callable[[], bool], within: float) -> bool:
        """Whether it came to that in time."""
        try:
            async with asyncio.timeout(within):
                while not condition():
                    self._watching.changed.clear()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._watching.changed.wait(), 0.2)
        except TimeoutError:
            return condition()
        return True
