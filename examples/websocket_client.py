"""Joins a call by the WebSocket door, sends a test picture and silence, and says what it receives of the others.

Run it as: python examples/websocket_client.py ws://127.0.0.1:8080/v1/signal JOIN_TOKEN [seconds]
"""

import argparse
import asyncio
import itertools
import json
import sys
from typing import Any

import websockets
from aiortc import MediaStreamTrack, RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack


async def first_frame(track: MediaStreamTrack) -> None:
    await track.recv()
    print(f"receiving {track.kind}", flush=True)


async def call(url: str, token: str) -> str:
    one_transport = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
    publish, subscribe = RTCPeerConnection(one_transport), RTCPeerConnection(one_transport)
    watching = set()
    subscribe.on("track", lambda track: watching.add(asyncio.ensure_future(first_frame(track))))
    try:
        async with websockets.connect(url) as door:
            return await stay(door, token, publish, subscribe)
    finally:
        await asyncio.gather(publish.close(), subscribe.close())


async def stay(
    door: websockets.ClientConnection, token: str, publish: RTCPeerConnection, subscribe: RTCPeerConnection
) -> str:
    numbers = itertools.count(1)

    async def send(kind: str, **fields: Any) -> None:
        await door.send(json.dumps({"type": kind, "id": next(numbers), **fields}))

    await send("join", token=token)
    async for text in door:
        message = json.loads(text)
        if message["type"] == "error":
            if "reply_to" in message:
                return said(message)
            # It answers nothing that was asked here: the session goes on.
            print(said(message), flush=True)
        if message["type"] in ("joined", "admitted") and "lobby" not in message:
            publish.addTransceiver(AudioStreamTrack(), direction="sendonly")
            publish.addTransceiver(VideoStreamTrack(), direction="sendonly")
            await publish.setLocalDescription(await publish.createOffer())
            mids = [transceiver.mid for transceiver in publish.getTransceivers()]
            sources = [{"mid": mids[0], "source": "microphone"}, {"mid": mids[1], "source": "camera"}]
            await send("publish", offer=publish.localDescription.sdp, sources=sources)
        elif message["type"] == "joined":
            print("waiting in the lobby until a host lets this client in", flush=True)
        elif message["type"] == "published":
            await publish.setRemoteDescription(RTCSessionDescription(message["answer"], "answer"))
            print("published", flush=True)
        elif message["type"] == "subscribe_offer":
            await subscribe.setRemoteDescription(RTCSessionDescription(message["offer"], "offer"))
            await subscribe.setLocalDescription(await subscribe.createAnswer())
            answer = {"answer": subscribe.localDescription.sdp, "negotiation": message["negotiation"]}
            await send("subscribe_answer", **answer)
        elif message["type"] == "closing":
            return said(message)
    return "the bridge has ended the call"


def said(message: dict[str, Any]) -> str:
    """What went wrong, as the bridge says it: a code, a sentence, and where it can, the field and what to do."""
    more = [f"({key}: {message[key]})" for key in ("field", "hint") if key in message]
    return " ".join([f"{message['code']}: {message['message']}", *more])


async def main(url: str, token: str, seconds: float) -> str | None:
    try:
        return await asyncio.wait_for(call(url, token), seconds)
    except TimeoutError:
        return None
    except (OSError, websockets.WebSocketException) as error:
        return f"{url}: {error}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Joins a call, sends a test picture, says what it receives.")
    parser.add_argument("url", help="the door, such as ws://127.0.0.1:8080/v1/signal")
    parser.add_argument("token", help="a join token, such as `bridge token` prints")
    parser.add_argument("seconds", nargs="?", type=float, default=60, help="how long to stay (%(default)s)")
    given = parser.parse_args()
    try:
        sys.exit(asyncio.run(main(given.url, given.token, given.seconds)))
    except KeyboardInterrupt:
        sys.exit(130)
