"""What a run recorded, before anything is made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from loadtest.participants.samples import Sample
from loadtest.scenario.description import Scenario


class Load(NamedTuple):
    """What was used up to a moment."""

    at: float
    machine_seconds: float
    """By everything on this machine, divided by the number of its processors."""
    cpu_seconds: float | None
    """By the bridge's process, where that is ours."""
    memory: int | None
    """Its resident bytes."""


@dataclass
class Recording:
    """Times are seconds since the epoch."""

    scenario: Scenario
    seed: int
    began: float = 0.0
    """When the call's time began."""
    ended: float = 0.0
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    reports: list[dict[str, Any]] = field(default_factory=list)
    """Of the lines: see `loadtest.emulator.station`."""
    loads: list[Load] = field(default_factory=list)
    joined: dict[str, float] = field(default_factory=dict)
    """When each was told to join."""
    left: dict[str, float] = field(default_factory=dict)
    measured: dict[str, float | None] = field(default_factory=dict)
    """Metrics of the run that whoever played it measured itself."""
    curves: dict[str, dict[str, list[tuple[float, float]]]] = field(default_factory=dict)
    """Their courses: by chart, then by curve, points of time (from the beginning) and value."""
    remarks: list[str] = field(default_factory=list)
    """What there is to say besides."""
    error: str | None = None
    """Why the run failed, if it did."""
    interrupted: bool = False
