"""One session of a test leg in a room: a participant that is a program.

An echo shows and plays you to yourself, a player shows a file, a clock shows the time of day in a picture that machines
read, and beeps with each second.

Each is a client of the WebSocket door like any other, on aiortc, with a token of its own: what it does has gone the
whole path, and everyone sees it in the roster.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import websockets
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcconfiguration import RTCBundlePolicy
from websockets.uri import parse_uri

from bridge.errors import BridgeError
from bridge.transcode.sources.live_clock import ClockTrack, LiveClock, ToneTrack
from bridge.transcode.test_legs.upright import UprightTrack

logger = logging.getLogger(__name__)

REPLY_SECONDS = 15.0
"""How long the bridge may take to answer."""
DOOR = "Such as ws://127.0.0.1:8080/v1/signal, or wss:// where it speaks TLS."

Frame = av.AudioFrame | av.VideoFrame


class EchoTrack(MediaStreamTrack):
    """Whatever comes on the newest track of its kind; waits while there is none."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self._source: MediaStreamTrack | None = None
        self._changed = asyncio.Event()

    def follow(self, source: MediaStreamTrack) -> None:
        """Takes frames from `source` from now on."""
        self._source = source
        self._changed.set()

    async def recv(self) -> Frame:
        """The next frame."""
        while True:
            source = self._source
            if source is None:
                self._changed.clear()
                await self._changed.wait()
                continue
            try:
                frame = await source.recv()
            except MediaStreamError:
                self._source = None if self._source is source else self._source
                continue
            assert isinstance(frame, Frame)  # noqa: S101 - what tracks of both kinds carry
            return frame


class TestLeg:
    """One session in a room: publishes tracks, and hands what it receives to those of them that echo."""

    def __init__(
        self,
        url: str,
        token: str,
        tracks: Sequence[MediaStreamTrack],
        *,
        tls: ssl.SSLContext | None = None,
        on_published: Callable[[str], None] = lambda _participant_id: None,
    ) -> None:
        """`url` is the WebSocket door's. Tracks are published as microphone and camera, by their kind.

        `tls` says whom to believe instead of the system's authorities, where the door is one of TLS. `on_published` is
        told the participant's id once it is in the room and sends.
        """
        self._url = url
        self._token = token
        self._tracks = tracks
        self._tls = tls
        self._on_published = on_published
        self._publish, self._subscribe = _connection(), _connection()
        self._followed: set[str] = set()
        self._ids = itertools.count(1)
        self._replies: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._socket: websockets.ClientConnection | None = None

    async def run(self) -> None:
        """Joins and stays until the bridge ends the session.

        Raises `BridgeError` for what the bridge refuses, and where there is no door; `OSError` where nothing answers.
        """
        try:
            secure = parse_uri(self._url).secure
        except (websockets.InvalidURI, ValueError):
            raise BridgeError("bad_url", "The door is named by a URL.", field="url", hint=DOOR) from None
        # Of a door of TLS, None would mean that there is to be none.
        tls = (self._tls or True) if secure else None
        try:
            async with websockets.connect(self._url, max_size=None, ssl=tls) as self._socket:
                await self._take_part()
        except websockets.InvalidStatus as answer:
            message = f"There is no door: it was answered with {answer.response.status_code}."
            raise BridgeError("no_door", message, field="url", hint=DOOR) from None
        except websockets.InvalidHandshake:
            raise BridgeError("no_door", "What answers there speaks no WebSocket.", field="url", hint=DOOR) from None
        finally:
            await asyncio.gather(self._publish.close(), self._subscribe.close())

    async def _take_part(self) -> None:
        offers: asyncio.Queue[dict[str, Any]] = asyncio.Queue(16)
        try:
            async with asyncio.TaskGroup() as group:
                answering = group.create_task(self._answer_all(offers))
                publishing = group.create_task(self._join())
                await self._read(offers)
                answering.cancel()
                publishing.cancel()
        except BaseExceptionGroup as group_of_errors:
            # A refusal says more than the close that comes after it.
            for kind in (BridgeError, websockets.ConnectionClosed):
                found = group_of_errors.subgroup(kind)
                if found is not None:
                    raise _ended(found.exceptions[0]) from None
            raise

    async def _join(self) -> None:
        joined = await self._request("join", token=self._token)
        if "lobby" in joined:
            hint = "Take a token that enters directly: `bridge token … --enters direct`, or another role."
            raise BridgeError("in_lobby", "It would wait in the lobby, unseen.", field="token", hint=hint)
        for track in self._tracks:
            self._publish.addTransceiver(track, direction="sendonly")
        await self._publish.setLocalDescription(await self._publish.createOffer())
        names = {"audio": "microphone", "video": "camera"}
        sources = [{"mid": each.mid, "source": names[each.kind]} for each in self._publish.getTransceivers()]
        reply = await self._request("publish", offer=self._publish.localDescription.sdp, sources=sources)
        await self._publish.setRemoteDescription(RTCSessionDescription(sdp=reply["answer"], type="answer"))
        self._on_published(joined["participant_id"])

    async def _read(self, offers: asyncio.Queue[dict[str, Any]]) -> None:
        assert self._socket is not None  # noqa: S101 - opened by `run`
        async for text in self._socket:
            message = json.loads(text)
            reply = self._replies.pop(message.get("reply_to"), None)
            if reply is not None and not reply.done():
                reply.set_result(message)
            elif message["type"] == "subscribe_offer":
                await offers.put(message)
            elif message["type"] == "consent_asked":
                # It is nobody, and must not keep a recording from those who try one out.
                await self._send("answer_consent", consent_id=message["consent"]["id"], consents=True)

    async def _answer_all(self, offers: asyncio.Queue[dict[str, Any]]) -> None:
        while True:
            message = await offers.get()
            peer = self._subscribe
            await peer.setRemoteDescription(RTCSessionDescription(sdp=message["offer"], type="offer"))
            await peer.setLocalDescription(await peer.createAnswer())
            by_mid = {each.mid: each.receiver.track for each in peer.getTransceivers()}
            for track in message["tracks"]:
                self._echo(track["mid"], by_mid[track["mid"]])
            sdp = peer.localDescription.sdp
            try:
                await self._request("subscribe_answer", negotiation=message["negotiation"], answer=sdp)
            except BridgeError as error:
                # A newer offer is on its way already.
                logger.info("an answer was refused: %s", error.code)

    def _echo(self, mid: str, track: MediaStreamTrack) -> None:
        for echo in self._tracks:
            if isinstance(echo, EchoTrack) and echo.kind == track.kind and mid not in self._followed:
                self._followed.add(mid)
                echo.follow(track)

    async def _request(self, kind: str, **fields: Any) -> dict[str, Any]:
        message: dict[str, Any] = await asyncio.wait_for(await self._send(kind, **fields), REPLY_SECONDS)
        if message["type"] == "error":
            raise BridgeError(message["code"], message["message"], field=message.get("field"), hint=message.get("hint"))
        return message

    async def _send(self, kind: str, **fields: Any) -> asyncio.Future[dict[str, Any]]:
        """Sends a request; its reply comes by what is returned."""
        assert self._socket is not None  # noqa: S101 - opened by `run`
        number = next(self._ids)
        reply = self._replies[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"type": kind, "id": number, **fields}))
        return reply


def _ended(error: BaseException) -> BridgeError:
    if isinstance(error, BridgeError):
        return error
    assert isinstance(error, websockets.ConnectionClosed)  # noqa: S101 - the other of the two
    if error.rcvd is None:
        return BridgeError("connection_lost", "The connection to the bridge was lost.")
    return BridgeError(
        error.rcvd.reason or "closed",
        f"The bridge has ended the session: {error.rcvd.code} {error.rcvd.reason}.",
        hint="docs/protocol/README.md lists the close codes.",
    )


def _connection() -> RTCPeerConnection:
    # Left to itself, aiortc asks a STUN server of somebody else's, and waits for it.
    return RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))


def echo() -> Sequence[MediaStreamTrack]:
    """What the last who came sends, for a `TestLeg` to send back to the room."""
    return EchoTrack("audio"), EchoTrack("video")


def clock() -> Sequence[MediaStreamTrack]:
    """A time code and the time of day (UTC), with a tone that beeps when the picture flashes."""
    shared = LiveClock()
    return ToneTrack(shared), ClockTrack(shared)


def play(file: Path) -> Sequence[MediaStreamTrack]:
    """A file, over and over. To be called in a running loop. Raises `BridgeError` for one that cannot be read."""
    try:
        player = MediaPlayer(str(file), loop=True)
    except (OSError, av.error.FFmpegError) as error:
        raise BridgeError("bad_file", f"{file.name} cannot be played: {error.strerror}.", field="file") from error
    picture = None if player.video is None else UprightTrack(player.video)
    tracks: list[MediaStreamTrack] = [track for track in (player.audio, picture) if track is not None]
    if not tracks:
        raise BridgeError("bad_file", f"{file.name} has neither sound nor picture.", field="file")
    return tracks
