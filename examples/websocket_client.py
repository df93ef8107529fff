"""Joins a call, sends a test picture and silence, says what it receives: websocket_client.py URL JOIN_TOKEN."""

import asyncio
import contextlib
import itertools
import json
import sys

import websockets
from aiortc import MediaStreamTrack, RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack


async def receive(track: MediaStreamTrack) -> None:
    try:
        await track.recv()
        print("receiving", track.kind, flush=True)
    except MediaStreamError:
        print("ended without", track.kind, flush=True)


async def call(door: websockets.ClientConnection, token: str) -> str:
    bundled = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
    publish, subscribe = RTCPeerConnection(bundled), RTCPeerConnection(bundled)
    receiving, numbers = set(), itertools.count(1)
    subscribe.on("track", lambda track: receiving.add(asyncio.ensure_future(receive(track))))

    async def send(request: str, **fields: object) -> None:
        await door.send(json.dumps({"type": request, "id": next(numbers), **fields}))

    await send("join", token=token)
    async for text in door:
        match json.loads(text):
            case {"type": "joined", "lobby": _}:
                print("waiting in the lobby until a host lets this client in", flush=True)
            case {"type": "joined" | "admitted"}:
                tracks = {"microphone": AudioStreamTrack(), "camera": VideoStreamTrack()}
                sent = {name: publish.addTransceiver(track, "sendonly") for name, track in tracks.items()}
                await publish.setLocalDescription(await publish.createOffer())
                sources = [{"source": name, "mid": each.mid} for name, each in sent.items()]
                await send("publish", offer=publish.localDescription.sdp, sources=sources)
            case {"type": "published", "answer": answer}:
                await publish.setRemoteDescription(RTCSessionDescription(answer, "answer"))
                print("published", flush=True)
            case {"type": "subscribe_offer", "offer": offer, "negotiation": negotiation}:
                await subscribe.setRemoteDescription(RTCSessionDescription(offer, "offer"))
                await subscribe.setLocalDescription(await subscribe.createAnswer())
                await send("subscribe_answer", answer=subscribe.localDescription.sdp, negotiation=negotiation)
            case {"type": "error", "reply_to": _} | {"type": "closing"} as end:
                await asyncio.gather(publish.close(), subscribe.close())
                return f"{end['code']}: {end['message']} {end.get('hint', '')}".strip()
    return "the WebSocket was lost"


async def main(url: str, token: str) -> str:
    try:
        async with websockets.connect(url) as door:
            return await call(door, token)
    except (OSError, websockets.WebSocketException) as error:
        return f"{url}: {error}"


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(asyncio.run(main(*sys.argv[1:])) if len(sys.argv) == 3 else __doc__)
