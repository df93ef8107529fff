"""How fast people get in, and whether those who talk notice: `python -m loadtest.joins --help`.

Joiners view by WHEP, with the offer that Chromium makes, a room in which somebody talks every 20 ms: of the time to
the first media, 10 ms on average are spent waiting for the next packet. Talkers and joiners are processes of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from loadtest.measure import DevelopmentBridge, percentile, rounded
from loadtest.swarm.door import DoorError
from loadtest.swarm.peer import LightPeer
from loadtest.swarm.talk import TalkingRoom
from loadtest.swarm.talkers import Heard, talking

_HOSTS = 25
"""Rooms that joiners spread over."""
_IDLE = 2.0
"""Seconds for which the bridge is watched while nobody joins."""
_STAY = 1.0
"""Seconds that a joiner views before it leaves."""


@dataclass(frozen=True)
class JoinFigures:
    """Seconds, unless the name says otherwise."""

    joins: int
    failed: int
    joins_per_second: float
    """From the first POST to the last first media."""
    to_answer_p50: float
    """From opening the connection for the POST to the answer."""
    to_keys_p50: float
    to_media_p50: float
    """To the first media packet, by the kernel's clock."""
    to_media_p95: float
    to_media_max: float
    talking_rooms: int
    heard: Heard
    """In the talking rooms meanwhile."""
    bridge_cpu: float
    """CPU seconds of the bridge per second meanwhile."""
    joiners_cpu: float
    bridge_cpu_ms_per_join: float
    """CPU beyond what the talking rooms take by themselves, leaving included."""


@dataclass
class _Joining:
    """What became of the joiners."""

    peers: list[LightPeer]
    failed: int = 0


async def _join(
    bridge: DevelopmentBridge, prefix: str, rate: float, count: int, begun: Callable[[], None]
) -> tuple[_Joining, float]:
    """Viewers join `rate` a second; returns what became of them, and the seconds until the last had left.

    `begun` is called when the rooms stand and the first is about to join.
    """
    rooms = [TalkingRoom(bridge.url, f"{prefix}-{index}", 1, 0, bridge.token) for index in range(_HOSTS)]
    for room in rooms:
        await room.open(view=False)
    tokens = [bridge.token(rooms[index % _HOSTS].room, f"joiner-{index}", "tolk") for index in range(count)]
    joining = _Joining([])

    async def join(index: int) -> None:
        peer, token = LightPeer(), tokens[index]
        try:
            await peer.connect(f"{bridge.url}/whep/{rooms[index % _HOSTS].room}", token, peer.browser_offer())
            await asyncio.wait_for(peer.first_media.wait(), 10)
        except (TimeoutError, DoorError, OSError) as error:
            joining.failed += 1
            print(f"a join failed: {error!r}", file=sys.stderr)
            return
        joining.peers.append(peer)
        await asyncio.sleep(_STAY)
        await peer.close(token)

    begun()
    begin = time.monotonic()
    tasks = []
    for index in range(count):
        await asyncio.sleep(max(0.0, begin + index / rate - time.monotonic()))
        tasks.append(asyncio.ensure_future(join(index)))
    await asyncio.gather(*tasks)
    taken = time.monotonic() - begin
    for room in rooms:
        await room.close()
    return joining, taken


def measure(bridge: DevelopmentBridge, rate: float, count: int, talking_rooms: int) -> JoinFigures:
    """Joins `count` times at `rate` a second while `talking_rooms` rooms of two talk."""
    with talking(bridge, talking_rooms) as talkers:
        # The first joins of a process pay for imports and caches: they are not counted.
        uvloop.run(_join(bridge, "warm", 20, 20, lambda: None))
        cpu, clock = bridge.cpu_seconds(), time.monotonic()
        time.sleep(_IDLE)
        idle = (bridge.cpu_seconds() - cpu) / (time.monotonic() - clock)
        start: dict[str, float] = {}

        def begun() -> None:
            talkers.start_counting()
            start["bridge"], start["own"] = bridge.cpu_seconds(), time.process_time()

        joining, taken = uvloop.run(_join(bridge, f"join-{talking_rooms}", rate, count, begun))
        bridge_cpu, own_cpu = bridge.cpu_seconds() - start["bridge"], time.process_time() - start["own"]
        heard = talkers.heard()
    peers = joining.peers
    media = [peer.first_media_at - peer.asked_at for peer in peers]
    sustained = max(peer.first_media_at for peer in peers) - min(peer.asked_at for peer in peers)
    return JoinFigures(
        joins=len(peers),
        failed=joining.failed,
        joins_per_second=len(peers) / sustained,
        to_answer_p50=percentile([peer.answered_at - peer.asked_at for peer in peers], 50),
        to_keys_p50=percentile([peer.connected_at - peer.asked_at for peer in peers], 50),
        to_media_p50=percentile(media, 50),
        to_media_p95=percentile(media, 95),
        to_media_max=max(media),
        talking_rooms=talking_rooms,
        heard=heard,
        bridge_cpu=bridge_cpu / taken,
        joiners_cpu=own_cpu / taken,
        bridge_cpu_ms_per_join=(bridge_cpu - idle * taken) / len(peers) * 1e3,
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
        print(name, json.dumps(rounded(row)))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
