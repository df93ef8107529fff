"""Added delay, cost beside FFmpeg alone, and quality at the same bitrate, of legs that transcode.

Delay is from the last packet of a frame being sent to the last packet of the transcoded frame having come, sockets
included. Alone, FFmpeg does the same conversion in one loop, each frame when its time has come: in one go, with caches
that stay warm, it takes a quarter less.
"""

from __future__ import annotations

import asyncio
import statistics
import time

import av
import numpy as np

from bridge.transcode.messages import CodecSpec
from bridge.transcode.payload import DEPACKETISE
from bridge.transcode.video_codecs import decoder, encoder
from scripts.leg_benches.material import RATE, SIZE, encoded, pictures
from tests.support.bridge import eventually
from tests.transcode.harness import FRAME_TICKS, TARGET_TYPE, LegUnderTest, leg, packetise, spec, supervisor

HEAD = (
    "| leg | delay p50, ms | p95, ms | CPU a frame, ms | alone, ms | times | legs a core | kbit/s | PSNR, dB"
    " | alone, kbit/s | PSNR, dB | frames |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
)
LEGS = (
    ("h264", CodecSpec("vp8", TARGET_TYPE, 90_000)),
    ("vp8", CodecSpec("h264", TARGET_TYPE, 90_000)),
    ("vp8", CodecSpec("h264", TARGET_TYPE, 90_000, profile="high")),
    ("vp8", CodecSpec("vp9", TARGET_TYPE, 90_000)),
    ("vp8", CodecSpec("av1", TARGET_TYPE, 90_000)),
)


def psnr(codec: str, received: dict[int, list[bytes]], sent: list[av.VideoFrame]) -> float:
    """Of luma, in dB, over all pictures that came, scaled to the size of what was sent."""
    errors, shown = [], decoder(codec)
    for number, payloads in sorted(received.items()):
        (picture,) = shown.decode(av.Packet(DEPACKETISE[codec](payloads)))
        planes = [frame.reformat(*SIZE, format="gray").to_ndarray().astype(float) for frame in (picture, sent[number])]
        errors.append(np.mean((planes[0] - planes[1]) ** 2))
    return float(10 * np.log10(255**2 / np.mean(errors)))


def alone(source: str, target: CodecSpec, data: list[bytes], bitrate: int) -> tuple[float, dict[int, list[bytes]]]:
    """The same conversion in one loop, in real time: CPU seconds, and what comes of it by the frame's number."""
    taken, made = decoder(source), encoder(target, bitrate, RATE)
    out, begun, first = {}, time.process_time(), time.monotonic()
    for number, frame in enumerate(data):
        time.sleep(max(0.0, first + number / RATE - time.monotonic()))
        for picture in taken.decode(av.Packet(frame)):
            out[number] = made.encode(picture, number * FRAME_TICKS, keyframe=number == 0)
    return time.process_time() - begun, {number: payloads for number, payloads in out.items() if payloads}


async def play(under_test: LegUnderTest, source: str, data: list[bytes]) -> tuple[list[float], dict[int, list[bytes]]]:
    """Sends the frames in real time; the delay of each, in seconds, and what came of it by its number."""
    loop = asyncio.get_running_loop()
    sent: list[float] = []
    delays: list[float] = []
    received: dict[int, list[bytes]] = {}
    first: int | None = None

    def read() -> None:
        nonlocal first
        under_test.read()
        now = time.perf_counter()
        for packet in under_test.received:
            # The first frame is a keyframe, and the first that comes.
            first = packet.timestamp if first is None else first
            number = (packet.timestamp - first) % (1 << 32) // FRAME_TICKS
            received.setdefault(number, []).append(packet.payload)
            if packet.marker:
                delays.append(now - sent[number])
        under_test.received.clear()

    loop.add_reader(under_test.core, read)
    begun = loop.time()
    for number, frame in enumerate(data):
        await asyncio.sleep(max(0.0, begun + number / RATE - loop.time()))
        under_test.send_frame(packetise(source, frame))
        sent.append(time.perf_counter())
    await asyncio.sleep(0.5)
    loop.remove_reader(under_test.core)
    return delays, received


async def measure(source: str, target: CodecSpec, seconds: float, bitrate: int) -> str:
    """One line of the table."""
    frames = pictures(seconds)
    data = encoded(source, frames)
    async with supervisor(max=2) as legs:
        with leg(legs, spec(source, target.name, profile=target.profile), bitrate) as under_test:
            # The launcher imports what legs need once, when the bridge starts.
            await eventually(lambda: under_test.leg.pid is not None, within=60)
            delays, received = await play(under_test, source, data)
            await asyncio.sleep(1.0)
            cpu = under_test.leg.stats["cpu_seconds"]
    bare, made = alone(source, target, data, bitrate)
    rates = [8 * sum(len(one) for each in all_.values() for one in each) / seconds / 1000 for all_ in (received, made)]
    delays.sort()
    return (
        f"| {source} → {target.name} {target.profile} | {1000 * statistics.median(delays):.1f}"
        f" | {1000 * delays[len(delays) * 95 // 100]:.1f}"
        f" | {1000 * cpu / len(data):.2f} | {1000 * bare / len(data):.2f} | {cpu / bare:.2f} | {seconds / cpu:.1f}"
        f" | {rates[0]:.0f} | {psnr(target.name, received, frames):.2f}"
        f" | {rates[1]:.0f} | {psnr(target.name, made, frames):.2f} | {len(received)} of {len(data)} |"
    )
