"""What rooms tell their listeners. Told in the order in which it happened, after the change is complete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge.room.model import EndReason, Participant, Source


@dataclass(frozen=True, slots=True)
class RoomOpened:
    """A first participant is about to be in."""

    room_id: str


@dataclass(frozen=True, slots=True)
class RoomClosed:
    """Nobody is in the room any more, and its id may be used for a new one."""

    room_id: str
    reason: EndReason


@dataclass(frozen=True, slots=True)
class ParticipantJoined:
    """Someone is in. Its sources follow as events of their own."""

    room_id: str
    participant: Participant


@dataclass(frozen=True, slots=True)
class ParticipantUpdated:
    """Connectedness, name, role or grants changed; `participant` is how it is now."""

    room_id: str
    participant: Participant


@dataclass(frozen=True, slots=True)
class ParticipantLeft:
    """Someone is out, after its sources and sessions."""

    room_id: str
    participant_id: str
    reason: EndReason


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """A session cannot be used or resumed any more: whoever holds its connection or media lets go of them."""

    room_id: str
    participant_id: str
    session_id: str
    reason: EndReason


@dataclass(frozen=True, slots=True)
class SourceAdded:
    """A participant began to send a source."""

    room_id: str
    participant_id: str
    source: Source


@dataclass(frozen=True, slots=True)
class SourceUpdated:
    """A source was muted, unmuted or switched; `source` is how it is now."""

    room_id: str
    participant_id: str
    source: Source


@dataclass(frozen=True, slots=True)
class SourceRemoved:
    """A participant no longer sends a source."""

    room_id: str
    participant_id: str
    source: Source


RoomEvent = (
    RoomOpened
    | RoomClosed
    | ParticipantJoined
    | ParticipantUpdated
    | ParticipantLeft
    | SessionEnded
    | SourceAdded
    | SourceUpdated
    | SourceRemoved
)

RoomListener = Callable[[RoomEvent], None]
"""Called once per event. It may call `Rooms` again: what follows from that is told after the event at hand."""
