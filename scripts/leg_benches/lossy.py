"""How much of six faces reaches a receiver behind a line of 300 kbit/s that loses packets.

Six cameras (carphone, each at another place of it) come by `PlainTransport`s; the whole bridge composes them for a
receiver on aiortc, whose line is the load test's emulator, both ways. Each tile that was decoded is compared with its
source, scaled alike (SSIM of luma): with the picture of the last two seconds that it is most like, since how old it is
when it arrives is not told.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from numpy.typing import NDArray

from bridge.sfu import MediaSettings, Sfu, View
from bridge.sfu.parties import Party
from bridge.sfu.router import Router
from bridge.sfu.sdp.codecs import MediaCodec
from bridge.sfu.sdp.description import Codec
from bridge.sfu.socket_transport import FEEDBACK, SocketTransport
from bridge.sfu.types import ComposedLayout, Producer
from bridge.transcode import rtp
from bridge.transcode.compose import Compositor, LayoutSettings, Rect, Source
from loadtest.emulator.description import LinkDescription
from loadtest.emulator.reading import read_link
from loadtest.emulator.relay import Relay
from loadtest.emulator.statistics import Cause, Statistics
from scripts.leg_benches.material import PARTIES, RATE, encoded, pictures
from tests.sfu.support import Recorder
from tests.support.aiortc_gaps import give_up_lost_pictures
from tests.transcode.compose.test_compositor import reference
from tests.transcode.harness import FRAME_TICKS, packetise, supervisor
from tests.transcode.pictures import luma, ssim

LINKS = ("300kbit-clean", "300kbit-1pct")
GOAL = 0.85
HEAD = (
    "| line | size | pictures a second | longest wait, s | lost by the line, in its queue"
    " | SSIM of each tile, mean | mean | least of all | goal, least |\n|---|---|---|---|---|---|---|---|---|"
)
CAMERA = (320, 180)
SETTLED_SECONDS = 10.0
"""Until the size has found what the line carries: what comes before is not compared."""
MEMORY_SECONDS = 2.0
_VP8 = Codec(96, "VP8", 90_000, feedback=FEEDBACK)
_PRESETS = Path(__file__).parents[2] / "configs" / "scenarios" / "links"


class Camera:
    """A publisher of carphone from some place on, whose keyframes come every two seconds."""

    def __init__(self, router: Router, number: int, frames: list[av.VideoFrame], data: list[bytes]) -> None:
        self.number = number
        self.shown = frames
        """By the number of the frame that was sent."""
        self.begun = 0.0
        self._packets = [packetise("vp8", each) for each in data]
        self._router = router
        self._ready = asyncio.Event()
        self._plain = SocketTransport(router, self._ready.set, lambda: None, buffer=1 << 20)

    async def start(self) -> int:
        """Its producer."""
        await self._ready.wait()
        producer_id = self._router.new_id()
        made = Producer(producer_id, "0", "video", ("VP8",))
        self._router.producers[producer_id] = self._router.made(made, (MediaCodec(_VP8),))
        self._router.worker.core.create_producer(
            producer_id,
            {
                "transport_id": self._plain.transport_id,
                "kind": "video",
                "codecs": [{"payload_type": 96, "name": "VP8", "clock_rate": 90_000, "rtcp_feedback": list(FEEDBACK)}],
                "encodings": [{"ssrc": 100 + self.number}],
            },
        )
        return producer_id

    async def send(self) -> None:
        """In real time, over and over."""
        sequence, self.begun = 0, time.monotonic()
        for number in range(1 << 30):
            await asyncio.sleep(max(0.0, self.begun + number / RATE - time.monotonic()))
            payloads = self._packets[number % len(self._packets)]
            for payload in payloads:
                last = payload is payloads[-1]
                ticks = number * FRAME_TICKS & 0xFFFFFFFF
                self._plain.socket.send(rtp.write(96, sequence, ticks, 100 + self.number, payload, marker=last))
                sequence = (sequence + 1) & 0xFFFF

    def lately(self, at: float) -> list[av.VideoFrame]:
        """The pictures that were sent in the two seconds before."""
        last = max(0, int((at - self.begun) * RATE))
        first = max(0, last - int(MEMORY_SECONDS * RATE))
        return [self.shown[number % len(self.shown)] for number in range(first, last + 1)]


@dataclass
class Seen:
    """What the receiver has decoded."""

    times: list[float] = field(default_factory=list)
    kept: list[tuple[float, av.VideoFrame]] = field(default_factory=list)
    """One a second."""

    async def watch(self, track: MediaStreamTrack) -> None:
        """Until the track ends."""
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, av.VideoFrame)
            now = time.monotonic()
            self.times.append(now)
            if not self.kept or now - self.kept[-1][0] >= 1.0:
                self.kept.append((now, frame))


async def measure(link: str, seconds: float) -> list[str]:
    """One line of the table."""
    frames = [each.reformat(*CAMERA, format="yuv420p") for each in pictures(12)]
    async with supervisor(max=2) as legs:
        sfu = Sfu(MediaSettings(listen=("127.0.0.1:0",)), legs=legs)
        await sfu.start()
        peer, tasks = RTCPeerConnection(RTCConfiguration(iceServers=[])), list[asyncio.Task[None]]()
        try:
            session = sfu.open_session("bench", "viewer", Recorder())
            cameras, parties = [], []
            for number in range(PARTIES):
                moved = frames[40 * number :] + frames[: 40 * number]
                cameras.append(Camera(sfu._routers["bench"], number, moved, _two_seconds_apart(moved)))
                parties.append(Party(str(number), f"Party {number}", camera=await cameras[-1].start()))
            session.show_parties(parties)
            tasks += [asyncio.create_task(camera.send()) for camera in cameras]
            seen = Seen()
            receiver = peer.addTransceiver("video", direction="recvonly").receiver
            await peer.setLocalDescription(await peer.createOffer())
            layout = ComposedLayout("grid")
            result = await session.watch(peer.localDescription.sdp, [], view=View.COMPOSED, layout=layout)
            async with Relay(("127.0.0.1", 0), _candidate(result.answer), _link(link), seed=1) as relay:
                answer = _by_way_of(relay.address[1])(result.answer)
                await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
                give_up_lost_pictures(receiver)
                tasks.append(asyncio.create_task(seen.watch(receiver.track)))
                await asyncio.sleep(SETTLED_SECONDS)
                before = relay.totals().down
                await asyncio.sleep(seconds)
                after = relay.totals().down
        finally:
            await peer.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await sfu.close()
    return [_line(link, cameras, seen, _lost(before, after))]


def _line(link: str, cameras: list[Camera], seen: Seen, lost: str) -> str:
    settled = seen.times[0] + SETTLED_SECONDS
    alike: list[list[float]] = [[] for _ in cameras]
    kept = [(at, frame) for at, frame in seen.kept if at >= settled]
    for at, frame in kept:
        picture = luma(frame)
        for camera, place in zip(cameras, _places(frame), strict=True):
            tile = picture[place.y : place.y + place.height, place.x : place.x + place.width]
            alike[camera.number].append(_likeness(tile, camera.lately(at), place))
    times = [at for at in seen.times if at >= settled]
    waits = [after - before for before, after in itertools.pairwise(times)]
    means, everything = [statistics.mean(each) for each in alike], [one for each in alike for one in each]
    sizes = dict.fromkeys(f"{frame.width}×{frame.height}" for _, frame in kept)
    return (
        f"| {link} | {', '.join(sizes)} | {len(times) / (times[-1] - times[0]):.1f} | {max(waits):.2f} | {lost}"
        f" | {', '.join(f'{mean:.3f}' for mean in means)} | {statistics.mean(everything):.3f} | {min(everything):.3f}"
        f" | {GOAL} |"
    )


def _likeness(tile: NDArray[np.uint8], candidates: list[av.VideoFrame], place: Rect) -> float:
    """With the candidate that it is most like, which the mean difference finds faster than SSIM would."""
    scaled = [reference(frame, place) for frame in candidates]
    nearest = min(scaled, key=lambda each: float(np.abs(each.astype(np.int16) - tile).mean()))
    return ssim(tile, nearest)


def _places(frame: av.VideoFrame) -> list[Rect]:
    """Where each party stands in a picture of this size."""
    compositor = Compositor(LayoutSettings("grid", frame.width, frame.height))
    compositor.compose(0.0, [Source(str(number), f"Party {number}") for number in range(PARTIES)])
    assert compositor.arrangement is not None
    return [tile.picture for tile in sorted(compositor.arrangement.tiles, key=lambda tile: int(tile.id))]


def _two_seconds_apart(frames: list[av.VideoFrame]) -> list[bytes]:
    """Encoded with a keyframe every two seconds, which is when a publisher's would come that is asked for one."""
    apart = 2 * RATE
    return [data for at in range(0, len(frames), apart) for data in encoded("vp8", frames[at : at + apart], CAMERA)]


def _link(name: str) -> LinkDescription:
    return read_link(_PRESETS / f"{name}.yaml")


def _candidate(answer: str) -> tuple[str, int]:
    found = re.search(r"^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) ", answer, re.MULTILINE | re.IGNORECASE)
    assert found is not None, answer
    return found[1], int(found[2])


def _by_way_of(port: int) -> Callable[[str], str]:
    candidate = f"a=candidate:1 1 udp 2130706431 127.0.0.1 {port} typ host\r\n"
    return lambda answer: re.sub(r"(?:a=candidate:[^\r\n]*\r\n)+", candidate, answer)


def _lost(before: Statistics, after: Statistics) -> str:
    """Shares of what was sent in between."""
    sent = after.sent - before.sent
    gone = after.lost - before.lost
    return f"{100 * gone[Cause.LOSS] / sent:.1f} %, {100 * (gone.total() - gone[Cause.LOSS]) / sent:.1f} %"
