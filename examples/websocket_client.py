"""Joins a call by the WebSocket door, sends a test picture and silence, and says what it receives of the others.

Run it as: python examples/websocket_client.py ws://127.0.0.1:8080/v1/signal JOIN_TOKEN [seconds]
"""

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
    async with websockets.connect(url) as door:
        numbers = itertools.count(1)

        async def send(kind: str, **fields: Any) -> None:
            await door.send(json.dumps({"type": kind, "id": next(numbers), **fields}))

        await send("join", token=token)
        async for text in door:
            message = json.loads(text)
            if message["type"] == "error":
                if "reply_to" in message:
                    return f"{message['code']}: {message['message']}"
                # It answers nothing that was asked here: the session goes on.
                print(f"{message['code']}: {message['message']}", flush=True)
            if message["type"] in ("joined", "admitted") and "lobby" not in message:
                publish.addTransceiver(AudioStreamTrack(), direction="sendonly")
                publish.addTransceiver(VideoStreamTrack(), direction="sendonly")
                await publish.setLocalDescription(await publish.createOffer())
                mids = [transceiver.mid for transceiver in publish.getTransceivers()]
                sources = [{"mid": mids[0], "source": "microphone"}, {"mid": mids[1], "source": "camera"}]
                await send("publish", offer=publish.localDescription.sdp, sources=sources)
            elif message["type"] == "published":
                await publish.setRemoteDescription(RTCSessionDescription(message["answer"], "answer"))
                print("published", flush=True)
            elif message["type"] == "subscribe_offer":
                await subscribe.setRemoteDescription(RTCSessionDescription(message["offer"], "offer"))
                await subscribe.setLocalDescription(await subscribe.createAnswer())
                answer = {"answer": subscribe.localDescription.sdp, "negotiation": message["negotiation"]}
                await send("subscribe_answer", **answer)
    return "the bridge has ended the call"


async def main(url: str, token: str, seconds: str = "60") -> str | None:
    try:
        return await asyncio.wait_for(call(url, token), float(seconds))
    except TimeoutError:
        return None


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
