"""What becomes of those who are plainly forwarded while legs take all the CPU time that they can get.

Packets of sound go through a worker of the core from one socket to another; a delay ends when the kernel has a packet
for the receiver, who would be on another machine. Legs, which are fed twice as fast as pictures come in a call, hang on
a process of their own. Phases without them, with them on all CPUs, and with them on those that `legs.cpus` gives them
by itself take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from bridge.leg_cpus import ALL, AUTO, choose_cpus, format_cpus, parse_cpus
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
HEAD = (
    "| legs | on CPU | forwarded, packets | delay p50, ms | p99, ms | longest, ms | p99 beside none | goal |\n"
    "|---|---|---|---|---|---|---|---|"
)
_SO_TIMESTAMPNS = 35
"""From asm-generic/socket.h; Python has no name for it."""
_TIMESPEC = struct.Struct("@ll")


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
        receiver.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        loop, found = asyncio.get_running_loop(), []

        def read() -> None:
            with contextlib.suppress(BlockingIOError):
                while True:
                    datagram, [(_, _, stamp)], _, _ = receiver.recvmsg(2048, 64)
                    if not rtp.is_rtcp(datagram):
                        seconds, nanoseconds = _TIMESPEC.unpack(stamp)
                        received = seconds * 1_000_000_000 + nanoseconds
                        found.append((received - int.from_bytes(rtp.parse(datagram).payload, "big")) / 1e9)

        loop.add_reader(receiver, read)
        begun = loop.time()
        for number in range(round(seconds / INTERVAL)):
            await asyncio.sleep(max(0.0, begun + number * INTERVAL - loop.time()))
            sent = time.time_ns().to_bytes(8, "big")
            self._sent += 1
            ticks = self._sent * 240 & 0xFFFFFFFF
            sender.send(rtp.write(111, self._sent & 0xFFFF, ticks, 7, sent, marker=False))
        await asyncio.sleep(0.2)
        loop.remove_reader(receiver)
        return sorted(found)


async def measure(legs: int, seconds: float) -> list[str]:
    """The lines of the table."""
    sfu = Sfu(MediaSettings(listen=("127.0.0.1:0",)))
    await sfu.start()
    forwarded = Forwarded(sfu._place("bench"))
    placed = dict.fromkeys(choose_cpus(each, 1) for each in (ALL, AUTO))
    quiet: list[float] = []
    busy: dict[frozenset[int], list[float]] = {cpus: [] for cpus in placed}
    try:
        await forwarded.start()
        for _ in range(PHASES):
            quiet += await forwarded.delays(seconds / PHASES)
            for cpus, delays in busy.items():
                async with feeding(legs, cpus):
                    delays += await forwarded.delays(seconds / PHASES)
    finally:
        await sfu.close()
    alone = _quantile(quiet, 0.99)
    lines = [f"| none | | {_described(quiet)} | | |"]
    for cpus, delays in busy.items():
        beside = _quantile(delays, 0.99) / alone
        lines.append(f"| {legs} | {format_cpus(cpus)} | {_described(delays)} | {beside:.2f} | {GOAL} |")
    return lines


def _described(delays: list[float]) -> str:
    p50, p99 = (1000 * _quantile(delays, share) for share in (0.5, 0.99))
    return f"{len(delays)} | {p50:.3f} | {p99:.3f} | {1000 * max(delays):.3f}"


def _quantile(delays: list[float], share: float) -> float:
    return sorted(delays)[int(len(delays) * share)]


@contextlib.asynccontextmanager
async def feeding(legs: int, cpus: frozenset[int]) -> AsyncIterator[None]:
    """Legs that have more to do than they can, in another process, all of it on these CPUs."""
    command = [sys.executable, "-m", "scripts.leg_benches.saturation", str(legs), format_cpus(cpus)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    pids: list[int] = []
    try:
        pids += map(int, (await process.stdout.readline()).split())
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        # They work off what they have read already, for seconds: nobody is to be measured beside that as beside none.
        await eventually(lambda: not any(map(_runs, pids)), within=60)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def feed(count: int, cpus: frozenset[int]) -> None:
    """Feeds legs for good, and prints their pids once they run."""
    frames = [packetise("vp8", frame) for frame in encoded("vp8", [each.reformat(*SIZE) for each in pictures(2)], SIZE)]
    async with supervisor(max=count, cpus=cpus) as legs:
        with contextlib.ExitStack() as running:
            fed = [running.enter_context(leg(legs, spec("vp8", "h264"), 1_000_000)) for _ in range(count)]
            await eventually(lambda: all(each.leg.pid is not None for each in fed), within=60)
            # What feeds is not what is measured, and legs are as far behind the bridge as ever.
            os.nice(10)
            os.sched_setaffinity(0, cpus)
            print(*(each.leg.pid for each in fed), flush=True)
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
    parser.add_argument("cpus", type=lambda text: choose_cpus(parse_cpus(text), 1))
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(feed(options.legs, options.cpus))
