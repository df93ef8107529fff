"""What a room came to, when it closes: for accounts and for analysis, without anything about persons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bridge.room.events import (
    ParticipantJoined,
    ParticipantLeft,
    RoomChanged,
    RoomClosed,
    RoomEvent,
    RoomOpened,
    WaitingJoined,
    WaitingLeft,
)
from bridge.room.model import EndReason, Recording


@dataclass(frozen=True, slots=True)
class RoomRecord:
    """One room from its opening to its close. Durations in seconds."""

    room_id: str
    duration: float
    participant_seconds: float
    """Of everyone in the room, added up."""
    most_participants: int
    """In the room at the same time."""
    joins: Mapping[str, int]
    """By role; whoever came back is counted again."""
    waits: int
    """How often somebody began to wait."""
    longest_wait: float
    refused: int
    removed: int
    recorded_seconds: float
    reason: str
    """Why it closed."""


@dataclass(slots=True)
class Meter:
    """What a room has come to so far. Times are seconds of one clock."""

    opened: float
    inside: dict[str, float] = field(default_factory=dict)
    """Since when those are in the room who are counted, by their ids."""
    waiting: dict[str, float] = field(default_factory=dict)
    joins: dict[str, int] = field(default_factory=dict)
    participant_seconds: float = 0.0
    most: int = 0
    waits: int = 0
    longest_wait: float = 0.0
    refused: int = 0
    removed: int = 0
    recorded_seconds: float = 0.0
    recording_since: float | None = None

    def join(self, participant: str, role: str, now: float) -> None:
        """Someone who is to be counted is in the room."""
        self.inside[participant] = now
        self.most = max(self.most, len(self.inside))
        self.joins[role] = self.joins.get(role, 0) + 1

    def leave(self, participant: str, reason: str, now: float) -> None:
        """Someone is out of it; one who was not counted changes nothing."""
        if participant in self.inside:
            self.participant_seconds += now - self.inside.pop(participant)
            self.removed += reason == EndReason.REMOVED

    def wait(self, participant: str, now: float) -> None:
        """Someone is in the lobby."""
        self.waiting[participant] = now
        self.waits += 1

    def stop_waiting(self, participant: str, reason: str | None, now: float) -> None:
        """Someone is out of it; for no reason where they are let in."""
        self.longest_wait = max(self.longest_wait, now - self.waiting.pop(participant, now))
        self.refused += reason == EndReason.REFUSED

    def follow_recording(self, on: bool, now: float) -> None:
        """The room is recorded from now on, or is not."""
        if self.recording_since is not None:
            self.recorded_seconds += now - self.recording_since
        self.recording_since = now if on else None

    def sum_up(self, room_id: str, reason: str, now: float) -> RoomRecord:
        """The room closes, with nobody in it; a recording is over then, too."""
        self.follow_recording(False, now)
        return RoomRecord(
            room_id=room_id,
            duration=now - self.opened,
            participant_seconds=self.participant_seconds,
            most_participants=self.most,
            joins=dict(self.joins),
            waits=self.waits,
            longest_wait=self.longest_wait,
            refused=self.refused,
            removed=self.removed,
            recorded_seconds=self.recorded_seconds,
            reason=reason,
        )


class Metering:
    """A room listener that hands out a record of each room that closes."""

    def __init__(self, clock: Callable[[], float], on_record: Callable[[RoomRecord], None]) -> None:
        """`clock` is the rooms'."""
        self._clock = clock
        self._on_record = on_record
        self._meters: dict[str, Meter] = {}

    def __call__(self, event: RoomEvent) -> None:
        """Counts an event."""
        now = self._clock()
        if isinstance(event, RoomOpened):
            self._meters[event.room_id] = Meter(now)
            return
        meter = self._meters[event.room_id]
        match event:
            case ParticipantJoined(participant=participant):
                if not participant.service:
                    meter.join(participant.id, participant.role, now)
            case ParticipantLeft(participant_id=participant_id, reason=reason):
                meter.leave(participant_id, reason, now)
            case WaitingJoined(participant=participant):
                meter.wait(participant.id, now)
            case WaitingLeft(participant_id=participant_id, reason=reason):
                meter.stop_waiting(participant_id, reason, now)
            case RoomChanged(state=state):
                meter.follow_recording(state.recording is Recording.ON, now)
            case RoomClosed(reason=reason):
                del self._meters[event.room_id]
                self._on_record(meter.sum_up(event.room_id, reason.value, now))
            case _:
                pass
