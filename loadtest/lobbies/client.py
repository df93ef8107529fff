"""A client of the WebSocket door with light peers: joins, waits, is let in, publishes, receives, leaves."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Coroutine
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection

from loadtest.lobbies.speaker import Speaker
from loadtest.swarm.description import parse_remote
from loadtest.swarm.peer import LightPeer

Message = dict[str, Any]

_PATIENCE = 15.0
"""Seconds for a reply, and for media to be connected."""
_SOURCES = [{"mid": "0", "source": "microphone"}, {"mid": "1", "source": "camera"}]


class ClientError(Exception):
    """The bridge refused, was silent, or ended the session."""


class Client:
    """One participant. `fail` is told of whatever went wrong besides what methods raise."""

    def __init__(self, name: str, fail: Callable[[str], None]) -> None:
        self.name = name
        self.id = ""
        """As the bridge names it, once it has joined."""
        self.place: int | None = None
        """In the queue, while it waits."""
        self.lobby_changes = 0
        self.on_picture: Callable[[float], None] = lambda _at: None
        """Told when the first packet came of a keyframe of somebody who was not seen before (seconds of the wall clock,
        by the kernel)."""
        self._fail = fail
        self._socket: ClientConnection | None = None
        self._ids = itertools.count(1)
        self._replies: dict[int, asyncio.Future[Message]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._others: set[str] = set()
        self._leaving = False
        self._publishing, self._receiving = LightPeer(), LightPeer(on_keyframe=self._see)
        self._speaker = Speaker(self._publishing)

    async def join(self, url: str, token: str) -> None:
        """Joins, and publishes unless it has to wait. Raises `ClientError`, `OSError`, `TimeoutError`."""
        try:
            # The bridge pings; 800 clients that do so, too, would be twice the traffic.
            self._socket = await websockets.connect(url, open_timeout=_PATIENCE, ping_interval=None)
        except websockets.WebSocketException as error:
            raise ClientError(f"no WebSocket: {error}") from None
        self._start(self._listen(self._socket))
        joined = await self.request("join", token=token)
        self.id = joined["participant_id"]
        if (lobby := joined.get("lobby")) is not None:
            self.place = lobby["position"]
            return
        self._meet(joined["participants"])
        await self.publish()

    async def request(self, kind: str, **fields: Any) -> Message:
        """The reply to a request. Raises `ClientError`, `TimeoutError`."""
        assert self._socket is not None
        number = next(self._ids)
        reply = self._replies[number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send(json.dumps({"type": kind, "id": number, **fields}))
            async with asyncio.timeout(_PATIENCE):
                message: Message = await reply
        except websockets.ConnectionClosed as error:
            raise ClientError(f"{kind}: {error}") from None
        except TimeoutError:
            raise TimeoutError(f"{kind}: no reply in {_PATIENCE:g} s") from None
        finally:
            del self._replies[number]
        if message["type"] == "error":
            raise ClientError(f"{kind}: {message['code']}: {message['message']}")
        return message

    async def publish(self) -> None:
        """Sends sound and pictures from now on. Raises `ClientError`, `TimeoutError`, `OSError`."""
        offer = self._publishing.offer(["audio", "video"], "sendonly")
        published = await self.request("publish", offer=offer, sources=_SOURCES)
        if published["rejected"]:
            raise ClientError(f"publish: {published['rejected'][0]['code']}")
        self._publishing.start(parse_remote(published["answer"]))
        # All encodings are wanted until the bridge says otherwise.
        self._speaker.show(True)
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._publishing.connected.wait()
        except TimeoutError:
            raise TimeoutError(f"publish: no keys in {_PATIENCE:g} s") from None

    async def leave(self) -> None:
        """Leaves for good. Raises nothing."""
        if self._leaving:
            return
        self._leaving = True
        self._speaker.stop()
        try:
            await self.request("leave")
        except (ClientError, TimeoutError) as error:
            self._fail(f"{self.name}: {error}")
        self.abandon()

    def abandon(self) -> None:
        """Ends all it has, without a word."""
        self._leaving = True
        self._speaker.stop()
        for peer in (self._publishing, self._receiving):
            peer.abandon()
        for task in self._tasks:
            task.cancel()
        if self._socket is not None:
            self._socket.transport.abort()

    async def _listen(self, socket: ClientConnection) -> None:
        async for text in socket:
            message = json.loads(text)
            reply = self._replies.get(message.get("reply_to"))
            if reply is None:
                self._note(message)
            elif not reply.done():
                reply.set_result(message)
        if not self._leaving:
            raise ClientError(f"closed with {socket.close_code}")

    def _note(self, notice: Message) -> None:
        match notice["type"]:
            case "subscribe_offer":
                self._start(self._answer(notice))
            case "encodings":
                self._speaker.show(any(encoding["active"] for encoding in notice["encodings"]))
            case "lobby_changed":
                self.lobby_changes += 1
                self.place = notice["lobby"]["position"]
            case "admitted":
                self.place = None
                self._meet(notice["participants"])
                self._start(self.publish())
            case "participant_joined":
                self._meet([notice["participant"]])
            case "participant_left":
                self._others.discard(notice["participant_id"])
                self._speaker.speak(bool(self._others))
            case "closing" | "error" if not self._leaving:
                self._fail(f"{self.name}: {notice['code']}: {notice['message']}")

    def _meet(self, others: list[Message]) -> None:
        """Whoever is alone is silent."""
        self._others.update(other["id"] for other in others)
        self._speaker.speak(bool(self._others))

    async def _answer(self, notice: Message) -> None:
        answer = self._receiving.answer(notice["offer"])
        try:
            await self.request("subscribe_answer", negotiation=notice["negotiation"], answer=answer)
        except ClientError as error:
            # A newer offer is on its way.
            if "stale_answer" not in str(error):
                raise

    def _see(self, at: float) -> None:
        self.on_picture(at)

    def _start(self, doing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self._leaving:
            self._fail(f"{self.name}: {error!r}")
