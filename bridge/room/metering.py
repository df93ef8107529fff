"""What a room came to, when it closes: for accounts and for analysis, without anything about persons."""

from __future__ import annotations

from collections import Counter
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
class _Meter:
    opened: float
    inside: dict[str, float] = field(default_factory=dict)
    waiting: dict[str, float] = field(default_factory=dict)
    joins: Counter[str] = field(default_factory=Counter)
    participant_seconds: float = 0.0
    most: int = 0
    waits: int = 0
    longest_wait: float = 0.0
    refused: int = 0
    removed: int = 0
    recorded_seconds: float = 0.0
    recording_since: float | None = None


class Metering:
    """A room listener that hands out a record of each room that closes."""

    def __init__(self, clock: Callable[[], float], on_record: Callable[[RoomRecord], None]) -> None:
        """`clock` is the rooms'."""
        self._clock = clock
        self._on_record = on_record
        self._meters: dict[str, _Meter] = {}

    def __call__(self, event: RoomEvent) -> None:
        """Counts an event."""
        now = self._clock()
        if isinstance(event, RoomOpened):
            self._meters[event.room_id] = _Meter(now)
            return
        meter = self._meters[event.room_id]
        match event:
            case ParticipantJoined(participant=participant) if participant.service:
                pass
            case ParticipantLeft(participant_id=participant_id) if participant_id not in meter.inside:
                # One that is not counted.
                pass
            case ParticipantJoined(participant=participant):
                meter.inside[participant.id] = now
                meter.most = max(meter.most, len(meter.inside))
                meter.joins[participant.role] += 1
            case ParticipantLeft(participant_id=participant_id, reason=reason):
                meter.participant_seconds += now - meter.inside.pop(participant_id)
                meter.removed += reason is EndReason.REMOVED
            case WaitingJoined(participant=participant):
                meter.waiting[participant.id] = now
                meter.waits += 1
            case WaitingLeft(participant_id=participant_id, reason=reason):
                meter.longest_wait = max(meter.longest_wait, now - meter.waiting.pop(participant_id))
                meter.refused += reason is EndReason.REFUSED
            case RoomChanged(state=state):
                self._follow_recording(meter, state.recording is Recording.ON, now)
            case RoomClosed(reason=reason):
                del self._meters[event.room_id]
                self._on_record(self._record(event.room_id, meter, reason, now))
            case _:
                pass

    @staticmethod
    def _follow_recording(meter: _Meter, on: bool, now: float) -> None:
        if meter.recording_since is not None:
            meter.recorded_seconds += now - meter.recording_since
        meter.recording_since = now if on else None

    @staticmethod
    def _record(room_id: str, meter: _Meter, reason: EndReason, now: float) -> RoomRecord:
        return RoomRecord(
            room_id=room_id,
            duration=now - meter.opened,
            participant_seconds=meter.participant_seconds,
            most_participants=meter.most,
            joins=dict(meter.joins),
            waits=meter.waits,
            longest_wait=meter.longest_wait,
            refused=meter.refused,
            removed=meter.removed,
            recorded_seconds=meter.recorded_seconds,
            reason=reason.value,
        )
