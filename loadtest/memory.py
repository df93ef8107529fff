"""What a participant costs in memory, and whether ended rooms give it back: `python -m loadtest.memory --help`.

A participant is a WHIP session that sends sound and 500 kbit/s of pictures, and a WHEP session that receives the two
others of its room. Both figures are of the bridge process as a whole: data plane, control plane, libraries.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from loadtest.measure import DevelopmentBridge
from loadtest.swarm.talk import TalkingRoom

_BITRATE = 500_000
_SETTLE = 8.0
"""Seconds until every history is full: packets are kept for less."""
_BATCH = 200
"""Rooms after which memory is read."""
_PAUSE = 12.0
"""Seconds before memory is read the first and the last time: rooms linger for ten when the last has left."""
_AT_A_TIME = 8
_TALK = 0.2


@dataclass(frozen=True)
class MemoryFigures:
    """Resident memory of the bridge process."""

    participants: int
    kib_per_participant: float
    """In rooms of three at 500 kbit/s: the slope between a quarter of the rooms and all of them."""
    mib_idle: float
    """Of a bridge that has served nobody yet."""
    rooms_made: int
    mib_after_first_200: float
    mib_after_all: float
    growth: float
    """How far memory stands above where it stood after the first 200 rooms, as a fraction."""


async def steady(bridge: DevelopmentBridge, rooms: int) -> float:
    """KiB per participant, once every history has filled."""
    readings: dict[int, int] = {}
    talking: list[TalkingRoom] = []
    for size in (max(1, rooms // 4), rooms):
        while len(talking) < size:
            room = TalkingRoom(bridge.url, f"steady-{len(talking)}", 3, _BITRATE, bridge.token)
            await room.open()
            talking.append(room)
        await asyncio.sleep(_SETTLE)
        readings[size] = bridge.rss_bytes()
    streams = [entry for room in talking for entry in room.arrivals()]
    silent = sum(entry.packets == 0 for entry in streams)
    if len(streams) != rooms * 3 * 2 * 2 or silent:
        raise RuntimeError(f"{len(streams)} streams arrived, {silent} of them silent: the figure would mean nothing")
    for room in talking:
        await room.close()
    (few, before), (many, after) = readings.items()
    return (after - before) / 1024 / ((many - few) * 3)


async def churn(bridge: DevelopmentBridge, rooms: int) -> list[float]:
    """MiB after each 200 rooms made and ended; each room has two that talk for a moment."""
    gate = asyncio.Semaphore(_AT_A_TIME)
    readings = []

    async def one(index: int) -> None:
        async with gate:
            room = TalkingRoom(bridge.url, f"churn-{index}", 2, _BITRATE, bridge.token)
            await room.open()
            await asyncio.sleep(_TALK)
            await room.close()

    for start in range(0, rooms, _BATCH):
        end = min(start + _BATCH, rooms)
        await asyncio.gather(*(one(index) for index in range(start, end)))
        if start == 0 or end == rooms:
            await asyncio.sleep(_PAUSE)
        readings.append(bridge.rss_bytes() / 2**20)
        print(f"{end} rooms: {readings[-1]:.1f} MiB", file=sys.stderr)
    return readings


def main() -> int:
    """Measures both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, default=12, help="rooms of three for the steady figure (default 12)")
    parser.add_argument("--churn", type=int, default=2000, help="rooms to make and end (default 2000)")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    with DevelopmentBridge.running() as bridge:
        idle = bridge.rss_bytes() / 2**20
        per_participant = uvloop.run(steady(bridge, options.rooms))
    with DevelopmentBridge.running() as bridge:
        readings = uvloop.run(churn(bridge, options.churn))
    figures = MemoryFigures(
        participants=options.rooms * 3,
        kib_per_participant=per_participant,
        mib_idle=idle,
        rooms_made=options.churn,
        mib_after_first_200=readings[0],
        mib_after_all=readings[-1],
        growth=readings[-1] / readings[0] - 1,
    )
    print(json.dumps({key: round(value, 3) for key, value in asdict(figures).items()}))
    if options.json:
        options.json.write_text(json.dumps(asdict(figures), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
