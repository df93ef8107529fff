"""Lobbies out of files: `docs/loadtest.md` lists the keys."""

from __future__ import annotations

import math
from collections.abc import Callable

from loadtest.document import Node
from loadtest.errors import InputError
from loadtest.scenario.description import Lobbies

_KEYS = (
    "rooms", "waiting", "calls", "admits_per_minute", "requests_per_second", "joins_per_second", "processes",
)  # fmt: skip
_MOST_ROOMS, _MOST_PATIENTS, _MOST_PROCESSES = 2000, 10_000, 32
_MOST_PER_SECOND, _MOST_PER_MINUTE = 1000.0, 6000.0


def read_lobbies(node: Node, duration: float) -> Lobbies:
    """The lobbies of a scenario of so many seconds. Raises `InputError`."""
    fields = node.fields(_KEYS)
    for needed in ("rooms", "waiting", "admits_per_minute"):
        if needed not in fields:
            raise InputError(f"expected {needed}: lobbies have it", node.place)
    rooms = fields["rooms"].read(_whole(1, _MOST_ROOMS))
    defaults = Lobbies(rooms, 1, 1.0)
    lobbies = Lobbies(
        rooms=rooms,
        waiting=fields["waiting"].read(_whole(1, _MOST_PATIENTS)),
        admits_per_minute=fields["admits_per_minute"].read(_pace(_MOST_PER_MINUTE)),
        calls=fields["calls"].read(_whole(0, rooms)) if "calls" in fields else defaults.calls,
        requests_per_second=fields["requests_per_second"].read(_pace(_MOST_PER_SECOND))
        if "requests_per_second" in fields
        else defaults.requests_per_second,
        joins_per_second=fields["joins_per_second"].read(_pace(_MOST_PER_SECOND))
        if "joins_per_second" in fields
        else defaults.joins_per_second,
        processes=fields["processes"].read(_whole(1, _MOST_PROCESSES)) if "processes" in fields else defaults.processes,
    )
    admissions = round(lobbies.admits_per_minute * duration / 60)
    if admissions < 1:
        raise fields["admits_per_minute"].wrong("a pace at which somebody is let in before the end")
    # Doctors take turns.
    if lobbies.waiting // rooms < math.ceil(admissions / rooms):
        raise fields["waiting"].wrong(
            f"{rooms * math.ceil(admissions / rooms)} or more, as {admissions} are let in by {rooms} doctors in turn"
        )
    return lobbies


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return parse


def _pace(most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0 < value <= most:
            raise ValueError(f"a number above 0, up to {most:g}")
        return value

    return parse
