"""What becomes of those who are plainly forwarded while legs take all the CPU time that they can get.

Packets of sound go through a worker of the core from one socket to another. Legs, which are fed twice as fast as
pictures come in a call, run in a process of their own; phases without and with them take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import AsyncIterator

from bridge.sfu import MediaSettings, Sfu
from bridge.sfu.router import Router
from bridge.sfu.sdp.codecs import MediaCodec
from bridge.sfu.sdp.description import Codec
from bridge.sfu.socket_transport import SocketTransport
from bridge.sfu.types import Producer
from bridge.transcode import rtp
from scripts.leg_benches.material import encoded, pictures
from tests.support.bridge import eventually
from tests.transcode.harness import leg, packetise, spec, supervisor

INTERVAL = 0.005
"""Seconds from packet to packet: four voices."""
PHASES = 3
GOAL = 1.1
SIZE = (1280, 720)
OPUS = Codec(111, "opus", 48_000, 2)
HEAD = "| legs | forwarded, packets | delay p50, ms | p99, ms | p99 beside none | goal |\n|---|---|---|---|---|---|"


class Forwarded:
    """A sender and a receiver at a router."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._sent = 0
        self._ready = [asyncio.Event(), asyncio.Event()]
        self._ends = [SocketTransport(router, ready.set, lambda: None, buffer=1 << 20) for ready in self._ready]

    async def start(self) -> None:
        """Connects both."""
        for ready in self._ready:
            await ready.wait()
        sender, receiver = self._ends
        producer_id = self._router.new_id()
        published = self._router.made(Producer(producer_id, "0", "audio", ("opus",)), (MediaCodec(OPUS),))
        self._router.producers[producer_id] = published
        self._router.worker.core.create_producer(
            producer_id,
            {
                "transport_id": sender.transport_id,
                "kind": "audio",
                "codecs": [{"payload_type": 111, "name": "opus", "clock_rate": 48_000}],
                "encodings": [{"ssrc": 7}],
            },
        )
        receiver.consume(published, 8, [OPUS], "measured")

    async def delays(self, seconds: float) -> list[float]:
        """Of every packet that is forwarded in so many seconds, in seconds."""
        sender, receiver = (each.socket for each in self._ends)
        receiver.setblocking(False)
        loop, found = asyncio.get_running_loop(), []

        def read() -> None:
            now = time.perf_counter()
            with contextlib.suppress(BlockingIOError):
                while True:
                    datagram = receiver.recv(2048)
                    if not rtp.is_rtcp(datagram):
                        found.append(now - int.from_bytes(rtp.parse(datagram).payload, "big") / 1e9)

        loop.add_reader(receiver, read)
        begun = loop.time()
        for number in range(round(seconds / INTERVAL)):
            await asyncio.sleep(max(0.0, begun + number * INTERVAL - loop.time()))
            sent = time.perf_counter_ns().to_bytes(8, "big")
            self._sent += 1
            ticks = self._sent * 240 & 0xFFFFFFFF
            sender.send(rtp.write(111, self._sent & 0xFFFF, ticks, 7, sent, marker=False))
        await asyncio.sleep(0.2)
        loop.remove_reader(receiver)
        return sorted(found)


async def measure(legs: int, seconds: float) -> list[str]:
    """Both lines of the table."""
    sfu = Sfu(MediaSettings(listen=("127.0.0.1:0",)))
    await sfu.start()
    forwarded = Forwarded(sfu._place("bench"))
    quiet: list[float] = []
    busy: list[float] = []
    try:
        await forwarded.start()
        for _ in range(PHASES):
            quiet += await forwarded.delays(seconds / PHASES)
            async with feeding(legs):
                busy += await forwarded.delays(seconds / PHASES)
    finally:
        await sfu.close()
    p99 = [sorted(each)[len(each) * 99 // 100] for each in (quiet, busy)]
    p50 = [sorted(each)[len(each) // 2] for each in (quiet, busy)]
    lines = [f"| none | {len(quiet)} | {1000 * p50[0]:.3f} | {1000 * p99[0]:.3f} | | |"]
    beside = p99[1] / p99[0]
    lines.append(f"| {legs} | {len(busy)} | {1000 * p50[1]:.3f} | {1000 * p99[1]:.3f} | {beside:.2f} | {GOAL} |")
    return lines


@contextlib.asynccontextmanager
async def feeding(legs: int) -> AsyncIterator[None]:
    """Legs that have more to do than they can, in another process."""
    command = [sys.executable, "-m", "scripts.leg_benches.saturation", str(legs)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def feed(count: int) -> None:
    """Feeds legs for good, and says so on standard output once they run."""
    frames = [packetise("vp8", frame) for frame in encoded("vp8", [each.reformat(*SIZE) for each in pictures(2)], SIZE)]
    async with supervisor(max=count) as legs:
        with contextlib.ExitStack() as running:
            fed = [running.enter_context(leg(legs, spec("vp8", "h264"), 1_000_000)) for _ in range(count)]
            await eventually(lambda: all(each.leg.pid is not None for each in fed), within=60)
            # What feeds is not what is measured, and legs are as far behind the bridge as ever.
            os.nice(10)
            print("fed", flush=True)
            while True:
                # From the keyframe on.
                for frame in frames:
                    for each in fed:
                        with contextlib.suppress(BlockingIOError, socket.timeout):
                            each.send_frame(frame)
                        each.read()
                        each.received.clear()
                    await asyncio.sleep(1 / 60)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("legs", type=int)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(feed(parser.parse_args().legs))
