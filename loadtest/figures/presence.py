"""Who was in the call when, and whose picture should have been seen then. Times are seconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass

from loadtest.participants.participant import Source
from loadtest.running.recording import Recording
from loadtest.scenario.description import ParticipantPlan


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time."""

    begin: float
    end: float

    @property
    def length(self) -> float:
        """Seconds; 0 for one that ends before it begins."""
        return max(0.0, self.end - self.begin)

    def within(self, other: Span) -> Span:
        """What the two share."""
        return Span(max(self.begin, other.begin), min(self.end, other.end))


def present(recording: Recording, name: str) -> Span | None:
    """From when it was told to join until it left; None for one that never joined."""
    if name not in recording.joined:
        return None
    return Span(recording.joined[name], recording.left.get(name, recording.ended))


def shown(recording: Recording, plan: ParticipantPlan, source: Source) -> list[Span]:
    """When a participant's camera or screen was on."""
    whole = present(recording, plan.name)
    if whole is None or (source is Source.CAMERA and plan.camera is None):
        return []
    on = source is not Source.SCREEN
    spans, begin = [], whole.begin
    for switch in plan.switches:
        at = recording.began + switch.at
        if switch.source is not source or switch.on == on or not whole.begin <= at < whole.end:
            continue
        if on:
            spans.append(Span(begin, at))
        begin, on = at, switch.on
    if on:
        spans.append(Span(begin, whole.end))
    return spans


def others(recording: Recording, plan: ParticipantPlan) -> list[ParticipantPlan]:
    """Those in the same room."""
    return [other for other in recording.scenario.participants if other.room == plan.room and other.name != plan.name]
