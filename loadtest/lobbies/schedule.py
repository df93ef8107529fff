"""Which doctor lets the next one in, and when."""

from __future__ import annotations

import random
from dataclasses import dataclass

from loadtest.scenario.description import Lobbies


@dataclass(frozen=True)
class Schedule:
    """Rooms by index. Times in seconds from the beginning of the load."""

    patients: tuple[int, ...]
    """Of each room, as many as are in a call at the beginning included."""
    calls: tuple[int, ...]
    """Rooms with a call at the beginning."""
    admissions: tuple[tuple[float, int], ...]


def schedule(lobbies: Lobbies, duration: float, seed: int) -> Schedule:
    """Patients are spread evenly. Doctors take turns in an order of chance, at the given pace and not on the tick."""
    chance = random.Random(seed)
    calls = sorted(chance.sample(range(lobbies.rooms), lobbies.calls))
    waiting = [lobbies.waiting // lobbies.rooms + (1 if index < lobbies.waiting % lobbies.rooms else 0)
               for index in chance.sample(range(lobbies.rooms), lobbies.rooms)]  # fmt: skip
    patients = tuple(count + (1 if index in calls else 0) for index, count in enumerate(waiting))
    interval = 60 / lobbies.admits_per_minute
    turns: list[int] = []
    admissions = []
    for number in range(count_of_admissions(lobbies, duration)):
        if not turns:
            turns = chance.sample(range(lobbies.rooms), lobbies.rooms)
        admissions.append(((number + chance.random()) * interval, turns.pop()))
    return Schedule(patients, tuple(calls), tuple(admissions))


def count_of_admissions(lobbies: Lobbies, duration: float) -> int:
    """How many are let in while the load lasts (seconds)."""
    return round(lobbies.admits_per_minute * duration / 60)
