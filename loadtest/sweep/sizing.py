"""What an operator needs for a number of calls, computed from a sweep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from loadtest.quantities import rate_text
from loadtest.sweep.probe import Thresholds

HEADROOM = 0.6
"""Of what a core was seen to carry: rooms are not placed evenly, keyframes come in bursts, a node may fail."""
_THREES = 0.4
"""Share of calls of three; the others are of two. Gives the 2.4 participants a call of the national figures."""


@dataclass(frozen=True)
class Demand:
    """A number of calls at once."""

    name: str
    calls: int
    participants: int


DEMANDS = (
    Demand("a centre with 10 doctors", 10, 24),
    Demand("a municipality, 100 calls", 100, 240),
    Demand("national busy hour", 952, 2_285),
    Demand("hard ceiling: one call per GP", 4_759, 11_422),
)
"""The last two are REQUIREMENTS' figures."""


@dataclass(frozen=True)
class Carried:
    """What one core carried with every threshold held, of rooms of a size at a bitrate."""

    rooms: int
    worker_load: float
    frozen: float
    """Share of the time, over all pictures."""
    limit: str
    """What broke with more rooms, in words."""


@dataclass(frozen=True)
class Need:
    """What a demand needs at a bitrate."""

    demand: Demand
    bitrate: int
    cores: int
    memory: float
    """Bytes."""
    bitrate_in: float
    bitrate_out: float


def need(
    demand: Demand, bitrate: int, carried: Mapping[tuple[int, int], Carried], per_participant: float, sound: float
) -> Need | None:
    """Cores, memory and line of a demand; None where the sweep carried nothing.

    `carried` is by size and bitrate, `per_participant` bytes of memory, `sound` bit/s of a voice with its headers.
    """
    twos, threes = carried.get((2, bitrate)), carried.get((3, bitrate))
    if twos is None or threes is None or not twos.rooms or not threes.rooms:
        return None
    cores = demand.calls * ((1 - _THREES) / twos.rooms + _THREES / threes.rooms) / HEADROOM
    sent = bitrate + sound
    # Everyone in a room of two receives one, in a room of three two others.
    received = demand.calls * ((1 - _THREES) * 2 * 1 + _THREES * 3 * 2) * sent
    return Need(
        demand=demand,
        bitrate=bitrate,
        cores=math.ceil(cores),
        memory=demand.participants * per_participant,
        bitrate_in=demand.participants * sent,
        bitrate_out=received,
    )


def markdown(
    carried: Mapping[tuple[int, int], Carried],
    needs: list[Need],
    per_participant: float,
    thresholds: Thresholds,
    command: str,
    machine: str,
) -> str:
    """The page for operators."""
    rows = "\n".join(
        f"| {size} | {rate_text(bitrate)} | {one.rooms} | {one.rooms * size} | {one.worker_load * 100:.0f} % |"
        f" {one.frozen * 100:.1f} % | {one.limit} |"
        for (size, bitrate), one in sorted(carried.items(), key=lambda item: (item[0][1], item[0][0]))
    )
    demands = "\n".join(
        f"| {each.demand.name} | {each.demand.calls:,} | {each.demand.participants:,} | {rate_text(each.bitrate)} |"
        f" {each.cores} | {each.memory / 1e9:.1f} GB | {rate_text(each.bitrate_in)} | {rate_text(each.bitrate_out)} |"
        for each in needs
    )
    return f"""\
# Sizing

How many calls a core carries, and what a number of calls needs. **Computed, not guessed**, by

```
{command}
```

{machine}
Run it on the machine that you mean to use; the figures below are those of this one.

## What one core carried
The most rooms with every threshold held: at most {thresholds.residual_loss * 100:g} % lost after repair, sound
at most {thresholds.sound_delay_p99 * 1e3:g} ms late (p99), pictures at most
{thresholds.picture_delay_p95 * 1e3:g} ms late (p95) and frozen for at most {thresholds.frozen * 100:g} % of the time,
the worker's core busy for at most {thresholds.worker_load * 100:g} %. Delays are from sender to receiver over loopback,
the bridge's pacing included.
Everyone sends one picture at a fixed bitrate and speech, and receives everybody else. Figures are of the time after
estimates have climbed.

| rooms of | video each | rooms | participants | load of the worker's core | pictures frozen | what broke with more |
|---|---|---|---|---|---|---|
{rows}

Where the swarm broke first, the bridge carries more than is shown; the table below counts what was seen.

## What calls need
Six calls of ten are of two, four of three, as the 2.4 participants a call of the national figures demand. Cores are for
workers at {HEADROOM * 100:g} % of what a core carried, rounded up. Each node needs half a core more for its control
plane, and one node more than the load needs keeps everyone in when a node fails. Memory is
{per_participant / 1e6:.1f} MB a participant.

| demand | calls at once | participants | video each | worker cores | memory | line in | line out |
|---|---|---|---|---|---|---|---|
{demands}

At 2 Mbit/s each, packets, and with them cores, are about twice those of 1 Mbit/s. Transcoding legs (SIP, recording) are
not counted.
"""
