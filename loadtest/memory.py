"""What a participant costs in memory, and whether ended rooms give it back: `python -m loadtest.memory --help`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from loadtest.measure import DevelopmentBridge
from loadtest.swarm.talk import TalkingRoom


@dataclass(frozen=True)
class MemoryFigures:
    """Resident memory of the bridge process."""

    participants: int
    kib_per_participant: float
    """In rooms of three at 500 kbit/s, publishing and viewing, all in."""
    rooms_made: int
    mib_after_first_200: float
    mib_after_all: float

    @property
    def growth(self) -> float:
        """How far memory stands above where it stood after the first 200 rooms, as a fraction."""
        return self.mib_after_all / self.mib_after_first_200 - 1


async def _steady(bridge: DevelopmentBridge, rooms: int) -> float:
    """KiB per participant, once every history has filled."""
    async with httpx.AsyncClient(timeout=20) as client:
        warm = TalkingRoom(bridge.url, "warm", 3, 500_000, bridge.token)
        await warm.open(client)
        await asyncio.sleep(3)
        await warm.close(client)
        before = bridge.rss_bytes()
        talking = [TalkingRoom(bridge.url, f"steady-{i}", 3, 500_000, bridge.token) for i in range(rooms)]
        for room in talking:
            await room.open(client)
        await asyncio.sleep(8)
        used = bridge.rss_bytes() - before
        for room in talking:
            await room.close(client)
    return used / 1024 / (rooms * 3)


async def _churn(bridge: DevelopmentBridge, rooms: int) -> tuple[float, float]:
    """MiB after the first 200 rooms and after all; each room has two that talk for a moment."""
    mark = 0.0
    gate = asyncio.Semaphore(8)

    async with httpx.AsyncClient(timeout=30) as client:

        async def one(index: int) -> None:
            async with gate:
                room = TalkingRoom(bridge.url, f"churn-{index}", 2, 200_000, bridge.token)
                await room.open(client)
                await asyncio.sleep(0.2)
                await room.close(client)

        for start in range(0, rooms, 200):
            await asyncio.gather(*(one(index) for index in range(start, min(start + 200, rooms))))
            await asyncio.sleep(2)
            if start == 0:
                mark = bridge.rss_bytes() / 2**20
            print(f"{start + 200} rooms: {bridge.rss_bytes() / 2**20:.1f} MiB", file=sys.stderr)
        await asyncio.sleep(35)
    return mark, bridge.rss_bytes() / 2**20


def main() -> int:
    """Measures both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, default=10, help="rooms of three for the steady figure (default 10)")
    parser.add_argument("--churn", type=int, default=2000, help="rooms to make and end (default 2000)")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    with DevelopmentBridge.running() as bridge:
        per_participant = asyncio.run(_steady(bridge, options.rooms))
    with DevelopmentBridge.running() as bridge:
        mark, end = asyncio.run(_churn(bridge, options.churn))
    figures = MemoryFigures(options.rooms * 3, per_participant, options.churn, mark, end)
    row = {**asdict(figures), "growth": figures.growth}
    print(json.dumps({key: round(value, 3) for key, value in row.items()}))
    if options.json:
        options.json.write_text(json.dumps(row, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
