"""Very old equipment, which has H.263 only and no WebRTC, sees and is seen: FFmpeg's RTP on a `PlainTransport`."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from aiortc import RTCPeerConnection

from bridge.sfu import MediaSettings, Sfu, Subscription
from bridge.sfu.router import Router
from bridge.sfu.sdp import codecs
from bridge.sfu.sdp.codecs import MediaCodec
from bridge.sfu.sdp.description import Codec
from bridge.sfu.socket_transport import FEEDBACK, SocketTransport
from bridge.sfu.types import Producer
from bridge.transcode import rtp
from loadtest.ports import free_port
from tests.sfu.test_end_to_end import CONNECTED, Client, subscriptions
from tests.support.bridge import eventually
from tests.support.patience import PATIENCE
from tests.transcode.harness import supervisor

OWN_GREY, THEIR_GREY = 60, 200
CIF = (352, 288)
_KINDS = {
    "H263-1998": (Codec(96, "H263-1998", 90000, parameters="CIF=1;QCIF=1", feedback=FEEDBACK), {}),
    "H263": (Codec(34, "H263", 90000, parameters="CIF=1;QCIF=1", feedback=FEEDBACK), {"rtpflags": "rfc2190"}),
}
"""What the equipment takes, and how FFmpeg is told to send it."""


class Equipment:
    """FFmpeg at the far end of a transport. What it sends and receives goes over a socket of the test's."""

    def __init__(self, router: Router, name: str, directory: Path) -> None:
        self.codec, self._flags = _KINDS[name]
        self.router = router
        self.ssrc = 4444
        self.greys: list[int] = []
        """Of the pictures that it sees."""
        self.sizes = set[tuple[int, int]]()
        self._ended = threading.Event()
        self._directory = directory
        self._ready = asyncio.Event()
        self._plain = SocketTransport(router, self._ready.set, lambda: None, buffer=1 << 20)
        self._from_ffmpeg = socket.socket(type=socket.SOCK_DGRAM)
        self._from_ffmpeg.bind(("127.0.0.1", 0))
        self._to_ffmpeg = socket.socket(type=socket.SOCK_DGRAM)
        for each in (self._from_ffmpeg, self._plain.socket):
            each.setblocking(False)
        self._tasks: list[asyncio.Task[None]] = []
        self._threads: list[asyncio.Task[None]] = []

    async def start(self) -> int:
        """Sends, and is ready to receive; the producer of what it sends."""
        await self._ready.wait()
        producer_id = self.router.new_id()
        made = Producer(producer_id, "0", "video", codecs.names([MediaCodec(self.codec)]))
        self.router.producers[producer_id] = self.router.made(made, (MediaCodec(self.codec),))
        self.router.worker.core.create_producer(
            producer_id,
            {
                "transport_id": self._plain.transport_id,
                "kind": "video",
                "codecs": [{"payload_type": self.codec.payload_type, "name": self.codec.name, "clock_rate": 90000}],
                "encodings": [{"ssrc": self.ssrc}],
            },
        )
        self._tasks.append(asyncio.create_task(self._carry(self._from_ffmpeg, self._plain.socket)))
        self._threads.append(asyncio.create_task(asyncio.to_thread(self._send)))
        return producer_id

    def receive(self, producer_id: int) -> None:
        """Takes in a producer of the room, by way of a leg that makes what it has."""
        derived = self.router.derived.derive_for(producer_id, lambda made: codecs.decodes(made[0].codec, self.codec))
        assert derived is not None
        self._watched = self.router.producers[derived.acquire(self)]
        self._plain.consume(self._watched, 5555, [derived.codec], "equipment")
        # FFmpeg listens on the next one, too.
        port = free_port()
        self._to_ffmpeg.connect(("127.0.0.1", port))
        number = derived.codec.payload_type
        description = self._directory / "equipment.sdp"
        description.write_text(
            "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n"
            f"m=video {port} RTP/AVP {number}\na=rtpmap:{number} {self.codec.name}/90000\n"
        )
        self._tasks += [
            asyncio.create_task(self._carry(self._plain.socket, self._to_ffmpeg)),
            asyncio.create_task(self._ask()),
        ]
        self._threads.append(asyncio.create_task(asyncio.to_thread(self._watch, description)))

    def on_encoding(self, producer_id: int, encoding: int, bitrate: int) -> None:
        """Told by the leg: no line bounds it."""

    async def close(self) -> None:
        """Stops FFmpeg and leaves the room."""
        self._ended.set()
        # The next picture wakes it.
        await asyncio.gather(*self._threads)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._plain.close()
        self._from_ffmpeg.close()
        self._to_ffmpeg.close()

    async def _carry(self, source: socket.socket, target: socket.socket) -> None:
        while True:
            datagram = await asyncio.get_running_loop().sock_recv(source, 2048)
            # FFmpeg may not listen yet.
            with contextlib.suppress(OSError):
                target.send(datagram)

    async def _ask(self) -> None:
        """Asks for keyframes, as equipment does until it sees something."""
        while not self.greys:
            self._plain.socket.send(rtp.write_keyframe_request(1, 5555))
            await asyncio.sleep(0.2)

    def _send(self) -> None:
        port = self._from_ffmpeg.getsockname()[1]
        options = {"ssrc": str(self.ssrc), "payload_type": str(self.codec.payload_type)}
        with av.open(
            f"rtp://127.0.0.1:{port}?pkt_size=1200", "w", format="rtp", options={**options, **self._flags}
        ) as out:
            stream = out.add_stream("h263", rate=15)
            stream.width, stream.height, stream.pix_fmt, stream.bit_rate = *CIF, "yuv420p", 200_000
            stream.gop_size = 10
            stream.options = {"mb_info": "1000"} if self._flags else {"ps": "1000"}
            for count in range(10_000):
                if self._ended.wait(1 / 15):
                    return
                picture = np.full((CIF[1], CIF[0], 3), OWN_GREY, np.uint8)
                picture[:16, count % 300 : count % 300 + 16] = 255
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
                frame.pts, frame.time_base = count, Fraction(1, 15)
                out.mux(stream.encode(frame))

    def _watch(self, description: Path) -> None:
        options = {"protocol_whitelist": "file,udp,rtp"}
        with av.open(str(description), options=options, timeout=PATIENCE) as shown:
            for frame in shown.decode(video=0):
                self.sizes.add((frame.width, frame.height))
                # Where the shapes differ there is black on two sides.
                middle = frame.to_ndarray(format="gray")[frame.height // 2, frame.width // 4 : -frame.width // 4]
                self.greys.append(round(float(middle.mean())))
                if self._ended.is_set():
                    return


@pytest.fixture
async def connections() -> AsyncIterator[list[RTCPeerConnection]]:
    opened: list[RTCPeerConnection] = []
    yield opened
    await asyncio.gather(*(connection.close() for connection in opened))


@pytest.mark.parametrize("name", list(_KINDS))
async def test_old_equipment_and_a_browser_see_each_other(
    name: str, connections: list[RTCPeerConnection], tmp_path: Path
) -> None:
    async with supervisor(max=2) as legs:
        sfu = Sfu(MediaSettings(listen=("127.0.0.1:0",)), legs=legs)
        await sfu.start()
        anna = Client(sfu, "anna", connections)
        equipment = Equipment(sfu._routers["room"], name, tmp_path)
        try:
            producer_id = await equipment.start()
            published = await anna.publish(THEIR_GREY)
            await anna.recorder.wait_for(*CONNECTED)
            await anna.watch([Subscription(producer_id, "equipment", "camera")], "video")
            assert await anna.see() == pytest.approx(OWN_GREY, abs=12)
            (camera,) = [each for each in subscriptions(published, "anna") if each.track == "anna-video"]
            equipment.receive(camera.producer_id)
            await eventually(lambda: any(abs(grey - THEIR_GREY) <= 12 for grey in equipment.greys[-1:]))
            # A picture of 160×120 is sent in the largest size that is no larger.
            assert equipment.sizes == {(128, 96)}
        finally:
            await equipment.close()
            await sfu.close()
