"""A whole participant on aiortc over the WebSocket door: publishes, receives, reconnects.

Every message of both directions is checked against `docs/protocol`, so whatever these clients do proves the
description too.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import websockets
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtcconfiguration import RTCBundlePolicy

from tests.support.aiortc_gaps import follow_remote_description, give_up_lost_pictures
from tests.support.ice_restart import credentials, follow_restart, with_credentials
from tests.support.media import Watcher
from tests.support.patience import PATIENCE

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol"
NEW_CREDENTIALS = ("restarted", "22+characters+or+more+")
"""ICE user name fragment and password of a client that restarts ICE."""
Message = dict[str, Any]


@cache
def schema(side: str) -> jsonschema.Draft202012Validator:
    """The validator for what `side` ("client" or "server") sends."""
    return jsonschema.Draft202012Validator(json.loads((PROTOCOL / f"{side}-message.schema.json").read_text()))


class RequestError(Exception):
    """The bridge answered a request with an error."""

    def __init__(self, error: Message) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.error = error


def _peer_connection() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))


class Participant:
    """One client. `received` maps (participant id, source) to the watcher of its track."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token
        self.publish_peer = _peer_connection()
        self.subscribe_peer = _peer_connection()
        self.notices: list[Message] = []
        self.received: dict[tuple[str | None, str], Watcher] = {}
        self.joined: Message = {}
        self.published: Message = {}
        self.close_code: int | None = None
        self.rewrite_description: Callable[[str], str] = lambda sdp: sdp
        """What stands between the client and the bridge may change the candidates of the bridge's descriptions."""
        self.holds_to_description = True
        """Whether every message has to be as this version describes it, which no other client insists on."""
        self.restarts = 0
        """ICE restarts of the subscribe connection that were followed."""
        self._watchers: dict[str, Watcher] = {}
        self._remote_credentials: tuple[str, str] | None = None
        self._ids = itertools.count(1)
        self._replies: dict[int, asyncio.Future[Message]] = {}
        self._changed = asyncio.Event()
        self._socket: websockets.ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._answering: asyncio.Task[None] | None = None

    @property
    def id(self) -> str:
        """Its participant id."""
        return str(self.joined["participant_id"])

    async def join(self, **options: Any) -> Message:
        """Opens the WebSocket and joins."""
        await self._open()
        self.joined = await self.request("join", token=self.token, **options)
        return self.joined

    async def resume(self) -> Message:
        """Opens a new WebSocket and takes the session up again."""
        session = self.joined["session"]
        await self._open()
        self.joined = await self.request("resume", session_id=session["id"], secret=session["secret"])
        return self.joined

    async def come_back(self, *tracks: MediaStreamTrack) -> None:
        """What a client does by itself whose WebSocket was lost: resumes, or joins anew and publishes `tracks`.

        With back-off while nobody answers. Somebody who joins anew does so with new peer connections.
        """
        if not await self._with_back_off(self._resumed):
            await self._let_go()
            self.publish_peer, self.subscribe_peer = _peer_connection(), _peer_connection()
            self.received.clear()
            self.notices.clear()
            self._watchers.clear()
            self._remote_credentials = None
            await self._with_back_off(self.join)
            await self.publish(*tracks)

    async def signalling_lost(self) -> None:
        """Waits until the WebSocket has ended."""
        assert self._reader is not None
        await asyncio.wait([self._reader])

    async def cut_signalling(self) -> None:
        """Loses the WebSocket as a network does: no close frame."""
        assert self._socket is not None
        self._socket.transport.abort()
        await self.signalling_lost()

    async def publish(self, *tracks: MediaStreamTrack) -> Message:
        """Publishes: audio as the microphone, video as the camera."""
        for track in tracks:
            self.publish_peer.addTransceiver(track, direction="sendonly")
        await self.publish_peer.setLocalDescription(await self.publish_peer.createOffer())
        reply = await self._offer(self.publish_peer.localDescription.sdp)
        await self.publish_peer.setRemoteDescription(
            RTCSessionDescription(sdp=self.rewrite_description(reply["answer"]), type="answer")
        )
        self.published = reply
        return reply

    async def restart_publish(self) -> Message:
        """Offers anew with other ICE credentials, as `createOffer({iceRestart: true})` does, and goes on with them."""
        reply = await self._offer(with_credentials(self.publish_peer.localDescription.sdp, *NEW_CREDENTIALS))
        await follow_restart(self.publish_peer, reply["answer"])
        return reply

    async def _offer(self, sdp: str) -> Message:
        sources = [
            {"mid": t.mid, "source": "microphone" if t.kind == "audio" else "camera"}
            for t in self.publish_peer.getTransceivers()
        ]
        return await self.request("publish", offer=sdp, sources=sources)

    async def request(self, type_: str, **fields: Any) -> Message:
        """Sends a request and returns its reply; raises `RequestError`."""
        assert self._socket is not None
        message = {"type": type_, "id": next(self._ids), **fields}
        schema("client").validate(message)
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._replies[message["id"]] = future
        await self._socket.send(json.dumps(message))
        reply = await asyncio.wait_for(future, PATIENCE)
        if reply["type"] == "error":
            raise RequestError(reply)
        return reply

    async def notice(self, condition: Callable[[Message], bool], within: float = PATIENCE) -> Message:
        """The first notice, past or coming, that fulfils `condition`."""
        found: Message = await self._until(
            lambda: next(filter(condition, self.notices), None), within, "no such notice"
        )
        return found

    async def watcher(self, participant_id: str | None, source: str, within: float = PATIENCE) -> Watcher:
        """The watcher of somebody's source, once it is offered; of nobody's own, the composed picture."""
        found: Watcher = await self._until(
            lambda: self.received.get((participant_id, source)), within, f"{source} was not offered"
        )
        return found

    async def restarted(self, within: float = PATIENCE) -> None:
        """Waits until the subscribe connection has gone through an ICE restart."""
        await self._until(lambda: self.restarts or None, within, "no ICE restart")

    async def close(self) -> None:
        """Leaves and lets go of everything."""
        if self._socket is not None and self.close_code is None:
            with contextlib.suppress(websockets.ConnectionClosed, ConnectionError, TimeoutError):
                await self.request("leave")
        await self.vanish()

    async def vanish(self) -> None:
        """Goes without a word: no leave, no close frame, no more packets."""
        if self._socket is not None:
            self._socket.transport.abort()
        await self._let_go()

    async def _let_go(self) -> None:
        for task in (self._answering, self._reader):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        for watcher in self._watchers.values():
            await watcher.stop()
        for peer in (self.publish_peer, self.subscribe_peer):
            # ICE first: closing a peer connection would say goodbye by DTLS (close_notify), and that is a leave.
            for transport in {transceiver.receiver.transport.transport for transceiver in peer.getTransceivers()}:
                await transport.stop()
            await peer.close()

    async def _resumed(self) -> bool:
        """Whether there was something to resume. Raises what `_with_back_off` tries again for."""
        try:
            await self.resume()
        except RequestError as refusal:
            if refusal.error["code"] != "session_not_found":
                raise
            return False
        return True

    @staticmethod
    async def _with_back_off(attempt: Callable[[], Awaitable[Any]]) -> Any:
        for delay in itertools.chain((0.1, 0.2, 0.4, 0.8), itertools.repeat(1.6)):
            try:
                return await attempt()
            except (OSError, websockets.InvalidHandshake):
                # Nobody listens yet, or it went away again.
                await asyncio.sleep(delay)
        raise AssertionError("unreachable: the delays do not end")

    async def _open(self) -> None:
        self.close_code = None
        self._socket = await websockets.connect(self.url, max_size=None, open_timeout=PATIENCE, ping_timeout=PATIENCE)
        self._reader = asyncio.ensure_future(self._read(self._socket))

    async def _read(self, socket: websockets.ClientConnection) -> None:
        try:
            async for text in socket:
                message: Message = json.loads(text)
                if self.holds_to_description:
                    schema("server").validate(message)
                self._take(message)
        except websockets.ConnectionClosed:
            pass
        finally:
            self.close_code = socket.close_code or 1006
            for future in self._replies.values():
                if not future.done():
                    future.set_exception(ConnectionError(f"the WebSocket ended with {self.close_code}"))
                    future.exception()
            self._changed.set()

    def _take(self, message: Message) -> None:
        reply_to = message.get("reply_to")
        if reply_to is not None:
            future = self._replies.pop(reply_to, None)
            if future is not None and not future.done():
                future.set_result(message)
            return
        self.notices.append(message)
        self._changed.set()
        if message["type"] == "subscribe_offer":
            before = self._answering
            self._answering = asyncio.ensure_future(self._answer(message, before))

    async def _answer(self, message: Message, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.gather(before, return_exceptions=True)
        peer = self.subscribe_peer
        await peer.setRemoteDescription(
            RTCSessionDescription(sdp=self.rewrite_description(message["offer"]), type="offer")
        )
        await peer.setLocalDescription(await peer.createAnswer())
        follow_remote_description(peer)
        by_mid = {t.mid: t for t in peer.getTransceivers()}
        self.received.clear()
        for track in message["tracks"]:
            mid = track["mid"]
            if mid not in self._watchers:
                give_up_lost_pictures(by_mid[mid].receiver)
                self._watchers[mid] = Watcher(by_mid[mid].receiver.track).start()
            self.received[(track["participant_id"], track["source"])] = self._watchers[mid]
        self._changed.set()
        with contextlib.suppress(RequestError):
            await self.request("subscribe_answer", negotiation=message["negotiation"], answer=peer.localDescription.sdp)
        before_it, self._remote_credentials = self._remote_credentials, credentials(message["offer"])
        if before_it not in (None, self._remote_credentials):
            await follow_restart(peer, message["offer"])
            self.restarts += 1
            self._changed.set()

    async def _until(self, look: Callable[[], Any], within: float, otherwise: str) -> Any:
        async def found() -> Any:
            while (value := look()) is None:
                self._changed.clear()
                await self._changed.wait()
            return value

        try:
            return await asyncio.wait_for(found(), within)
        except TimeoutError:
            raise AssertionError(f"{otherwise} within {within} s; notices: {self.notices[-8:]}") from None
