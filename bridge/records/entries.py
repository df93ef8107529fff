"""The entries of the audit log that end a session and a call, with what belongs into their records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.audit import Detail, Entry
from bridge.room import RoomRecord
from bridge.timestamps import timestamp


@dataclass(slots=True)
class Stay:
    """How long someone was in the lobby and in the room; times and durations in seconds."""

    since: float
    """When they came to where they are."""
    waits: bool
    """Whether that is the lobby."""
    waited: float = 0.0
    inside: float = 0.0

    def moves(self, now: float, *, waits: bool) -> None:
        """They come into the room or back to the lobby, or stay and are counted."""
        # A clock that was set back takes nothing from them.
        passed = max(0.0, now - self.since)
        if self.waits:
            self.waited += passed
        else:
            self.inside += passed
        self.since, self.waits = now, waits


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What is known of a session from its beginning on."""

    id: str
    """Not the one that opens it."""
    participant: str
    subject: str
    """A pseudonym."""
    identity: str = field(repr=False)
    role: str
    level: str
    door: str
    started: int
    """Microseconds since the epoch."""


def session_started(room_id: str, call: str, session: SessionFacts) -> Entry:
    """A client has joined a room, or waits in its lobby."""
    tenant, _, room = room_id.partition("/")
    details = {"call": call, "session": session.id, "participant": session.participant, "door": session.door}
    return Entry("session_started", tenant, room, subject=session.subject, details=details)


def session_ended(
    room_id: str,
    call: str,
    session: SessionFacts,
    reason: str,
    *,
    waited: float,
    inside: float,
    more: Mapping[str, Detail],
) -> Entry:
    """A client let go of a room after so many seconds in lobby and room; `more` is for the record only."""
    tenant, _, room = room_id.partition("/")
    return Entry(
        "session_ended",
        tenant,
        room,
        subject=session.subject,
        details={
            "call": call,
            "session": session.id,
            "participant": session.participant,
            "seconds": round(inside, 1),
            "reason": reason,
        },
        identity=session.identity,
        attachment={
            "started": timestamp(session.started),
            "role": session.role,
            "level": session.level,
            "door": session.door,
            "waited_seconds": round(waited, 1),
            **more,
        },
    )


def call_ended(record: RoomRecord, call: str, *, started: int, sessions: int, more: Mapping[str, Detail]) -> Entry:
    """A room has closed after its sessions; `started` in microseconds since the epoch, `more` for the record only."""
    tenant, _, room = record.room_id.partition("/")
    return Entry(
        "call_ended",
        tenant,
        room,
        details={"call": call, "seconds": round(record.duration, 1), "reason": record.reason},
        attachment={
            "started": timestamp(started),
            "sessions": sessions,
            "participant_minutes": round(record.participant_seconds / 60, 2),
            "most_participants": record.most_participants,
            "joins": ",".join(f"{role}:{count}" for role, count in sorted(record.joins.items())),
            "waits": record.waits,
            "longest_wait_seconds": round(record.longest_wait, 1),
            "refused": record.refused,
            "removed": record.removed,
            "recorded_seconds": round(record.recorded_seconds, 1),
            **more,
        },
    )
