"""What the audit log, the records and kept places add to a join: `python -m loadtest.audit --help`.

Two bridges, one as it is served and one that writes nothing down (`loadtest.unaudited`), get some joins each in turn,
from `join` to `joined` over the WebSocket door: what else the machine does troubles both alike. Each join opens a room
of its own, which ends again soon, so that a join costs all the entries that a call of one costs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop
import websockets

from loadtest.measure import DevelopmentBridge, percentile, rounded

GOAL = 0.001
"""Seconds that may be added at p50."""
_WARM_UP = 50
_ENVIRONMENT = {"BRIDGE_ROOMS_LINGER": "100ms"}
"""Rooms that nobody is in end soon: a vendor may have 1,000 of them."""


@dataclass(frozen=True)
class AuditFigures:
    """Seconds."""

    joins: int
    """At each bridge."""
    rounds: int
    without_p50: float
    without_p95: float
    without_p99: float
    with_p50: float
    with_p95: float
    with_p99: float
    added_p50: float
    """What lies between the two medians."""
    added_p50_least: float
    """The same, of the round in which it was least, and most: how good the figure is."""
    added_p50_most: float


async def _join(bridge: DevelopmentBridge, room: str) -> float:
    """Seconds from `join` to `joined`."""
    token = bridge.token(room, "doctor", "fastlege")
    async with websockets.connect(bridge.url.replace("http", "ws", 1) + "/v1/signal", ping_interval=None) as door:
        request = json.dumps({"type": "join", "id": 1, "token": token})
        begun = time.perf_counter()
        await door.send(request)
        reply = json.loads(await door.recv())
        taken = time.perf_counter() - begun
        if reply["type"] != "joined":
            raise RuntimeError(f"a join was refused: {reply}")
        await door.send(json.dumps({"type": "leave", "id": 2}))
        await door.wait_closed()
    return taken


async def _joins(bridge: DevelopmentBridge, name: str, count: int, rate: float) -> list[float]:
    """So many joins, `rate` a second, none before the one before it was answered."""
    times, begin = [], time.monotonic()
    for number in range(count):
        await asyncio.sleep(max(0.0, begin + number / rate - time.monotonic()))
        times.append(await _join(bridge, f"{name}-{number}"))
    return times


async def measure(
    without: DevelopmentBridge, kept: DevelopmentBridge, *, rounds: int, each: int, rate: float
) -> AuditFigures:
    """`each` joins at the one and the other, in turn, `rounds` times."""
    for bridge in (without, kept):
        await _joins(bridge, "warm", _WARM_UP, rate)
    found: tuple[list[list[float]], list[list[float]]] = ([], [])
    for number in range(rounds):
        for times, bridge in zip(found, (without, kept), strict=True):
            times.append(await _joins(bridge, f"round-{number}", each, rate))
    return figures(*found)


def figures(without: Sequence[Sequence[float]], kept: Sequence[Sequence[float]]) -> AuditFigures:
    """Of the times of each round, in seconds."""
    bare, full = ([taken for times in rounds for taken in times] for rounds in (without, kept))
    added = [statistics.median(b) - statistics.median(a) for a, b in zip(without, kept, strict=True)]
    return AuditFigures(
        joins=len(bare),
        rounds=len(without),
        without_p50=statistics.median(bare),
        without_p95=percentile(bare, 95),
        without_p99=percentile(bare, 99),
        with_p50=statistics.median(full),
        with_p95=percentile(full, 95),
        with_p99=percentile(full, 99),
        added_p50=statistics.median(full) - statistics.median(bare),
        added_p50_least=min(added),
        added_p50_most=max(added),
    )


def main() -> int:
    """0 if the goal is met, 1 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="at each of the two bridges (default %(default)s)")
    parser.add_argument("--each", type=int, default=100, help="joins of a round (default %(default)s)")
    parser.add_argument("--rate", type=float, default=100.0, help="joins a second (default %(default)g)")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    unaudited = (sys.executable, "-m", "loadtest.unaudited")
    with (
        DevelopmentBridge.running(program=unaudited, environment=_ENVIRONMENT) as without,
        DevelopmentBridge.running(environment=_ENVIRONMENT) as kept,
    ):
        found = uvloop.run(measure(without, kept, rounds=options.rounds, each=options.each, rate=options.rate))
    print(json.dumps(rounded({name: 1000 * value if isinstance(value, float) else value
                              for name, value in asdict(found).items()})))  # fmt: skip
    print(f"added at p50: {1000 * found.added_p50:.2f} ms (goal: {1000 * GOAL:g} ms)")
    if options.json:
        options.json.write_text(json.dumps(asdict(found), indent=2) + "\n")
    return 0 if found.added_p50 <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
