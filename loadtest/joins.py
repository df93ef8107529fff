"""How fast people get in, and whether those who talk notice: `python -m loadtest.joins --help`."""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import multiprocessing.connection
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from loadtest.measure import DevelopmentBridge, percentile
from loadtest.swarm.peer import LightPeer
from loadtest.swarm.talk import TalkingRoom


@dataclass(frozen=True)
class JoinFigures:
    """Seconds, unless the name says otherwise."""

    joins: int
    failed: int
    joins_per_second: float
    to_keys_p50: float
    """From POST to keys that stand."""
    to_media_p50: float
    """From POST to the first media packet, by the kernel's clock."""
    to_media_p95: float
    talking_rooms: int
    longest_gap: float
    """Of all running calls: the longest pause between packets that were sent without one."""
    gaps_over_50_ms: int
    bridge_cpu: float
    """CPU seconds of the bridge per second meanwhile."""


async def _talk(bridge: DevelopmentBridge, rooms: int, link: multiprocessing.connection.Connection) -> None:
    async with httpx.AsyncClient(timeout=20) as client:
        talking = [TalkingRoom(bridge.url, f"talk-{i}", 2, 0, bridge.token) for i in range(rooms)]
        for room in talking:
            await room.open(client)
        link.send("talking")
        await asyncio.to_thread(link.recv)
        for room in talking:
            for entry in room.arrivals():
                entry.longest_gap = 0.0
        link.send("counting")
        await asyncio.to_thread(link.recv)
        gaps = [entry.longest_gap for room in talking for entry in room.arrivals()]
        link.send((max(gaps, default=0.0), sum(gap > 0.05 for gap in gaps)))
        for room in talking:
            await room.close(client)


def _talkers(bridge: DevelopmentBridge, rooms: int, link: multiprocessing.connection.Connection) -> None:
    asyncio.run(_talk(bridge, rooms, link))


async def _joins(bridge: DevelopmentBridge, rate: float, count: int) -> tuple[list[LightPeer], int, float]:
    """Viewers join rooms in which somebody talks, `rate` a second; returns them, the failures and the seconds taken."""
    hosts = 10
    async with httpx.AsyncClient(timeout=20, limits=httpx.Limits(max_connections=50)) as client:
        rooms = [TalkingRoom(bridge.url, f"join-{i}", 1, 0, bridge.token) for i in range(hosts)]
        for room in rooms:
            await room.open(client, view=False)
        tokens = [bridge.token(f"join-{i % hosts}", f"joiner-{i}", "tolk") for i in range(count)]
        peers: list[LightPeer] = []
        failed = 0

        async def join(index: int) -> None:
            nonlocal failed
            peer = LightPeer()
            token = tokens[index]
            try:
                url = f"{bridge.url}/whep/join-{index % hosts}"
                await peer.connect(client, url, token, ["audio"], "recvonly")
                await asyncio.wait_for(peer.first_media.wait(), 10)
            except (TimeoutError, RuntimeError, httpx.HTTPError, OSError):
                failed += 1
                return
            peers.append(peer)
            await asyncio.sleep(1.0)
            await peer.close(client, token)

        begun = time.monotonic()
        tasks = []
        for index in range(count):
            await asyncio.sleep(max(0.0, begun + index / rate - time.monotonic()))
            tasks.append(asyncio.ensure_future(join(index)))
        taken = time.monotonic() - begun
        await asyncio.gather(*tasks)
        for room in rooms:
            await room.close(client)
    return peers, failed, taken


def measure(bridge: DevelopmentBridge, rate: float, count: int, talking_rooms: int) -> JoinFigures:
    """Joins `count` times at `rate` a second while `talking_rooms` rooms of two talk."""
    here, there = multiprocessing.Pipe()
    talkers = multiprocessing.get_context("spawn").Process(target=_talkers, args=(bridge, talking_rooms, there))
    talkers.start()
    here.recv()
    # The first joins of a process pay for imports and caches: they are not counted.
    asyncio.run(_joins(bridge, rate=20, count=20))
    here.send("count")
    here.recv()
    cpu, clock = bridge.cpu_seconds(), time.monotonic()
    peers, failed, taken = asyncio.run(_joins(bridge, rate, count))
    used = (bridge.cpu_seconds() - cpu) / (time.monotonic() - clock)
    here.send("stop")
    longest, over = here.recv()
    talkers.join(30)
    keys = [peer.connected_at - peer.asked_at for peer in peers]
    media = [peer.first_media_at - peer.asked_at for peer in peers]
    return JoinFigures(
        joins=len(peers),
        failed=failed,
        joins_per_second=count / taken,
        to_keys_p50=percentile(keys, 50),
        to_media_p50=percentile(media, 50),
        to_media_p95=percentile(media, 95),
        talking_rooms=talking_rooms,
        longest_gap=longest,
        gaps_over_50_ms=over,
        bridge_cpu=used,
    )


def main() -> int:
    """Measures a quiet bridge and a busy one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=100.0, help="joins a second (default 100)")
    parser.add_argument("--count", type=int, default=1000, help="joins (default 1000)")
    parser.add_argument("--rooms", type=int, default=50, help="rooms of two that talk meanwhile (default 50)")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    with DevelopmentBridge.running() as bridge:
        quiet = measure(bridge, rate=10.0, count=100, talking_rooms=1)
        busy = measure(bridge, options.rate, options.count, options.rooms)
    figures = {"quiet": asdict(quiet), "busy": asdict(busy)}
    for name, row in figures.items():
        print(name, json.dumps({key: round(value, 4) for key, value in row.items()}))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
