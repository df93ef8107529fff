"""What runs, as the audit log's entries leave it, so that the next bridge can end what this one could not. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bridge.audit import Entry, Row
from bridge.records.entries import Stay
from bridge.room import EndReason, Meter, Recording

KINDS = frozenset(
    {
        *("room_opened", "room_closed", "recording_changed", "session_started", "session_ended", "call_ended"),
        *("waiting_joined", "waiting_left", "admitted", "participant_joined", "participant_left"),
    }
)
"""The kinds of entries that change it."""


@dataclass(slots=True)
class RunningSession:
    """A client's hold on a room."""

    seq: int
    """Of the entry that it came into the room with."""
    door: str
    started: int
    """Microseconds since the epoch."""
    waited: float
    inside: float
    """Seconds that its participant had been in lobby and room when it started."""


@dataclass(slots=True)
class RunningParticipant:
    """Someone in a room or its lobby."""

    room_id: str
    seq: int
    """Of the entry that they came into the room with."""
    subject: str
    identity: str = field(repr=False)
    role: str
    level: str
    stay: Stay
    is_there: bool = True
    """False while they are on their way from the lobby to the room, or back, or to another room."""
    sessions: dict[str, RunningSession] = field(default_factory=dict)


@dataclass(slots=True)
class RunningCall:
    """A room from its opening to its close."""

    seq: int
    """Of the entry that opened it."""
    started: int
    """Microseconds since the epoch."""
    latest: float
    """When the last entry of it was written: seconds since the epoch. It never goes back, whatever the clock does."""
    meter: Meter
    call: str = ""
    sessions: int = 0
    """That have ended."""
    closed: str | None = None
    """Why the room closed, where the call's end is yet to be written."""


class Running:
    """Rooms and participants, changed by one entry after the other."""

    def __init__(self, calls: Mapping[str, RunningCall], participants: Mapping[str, RunningParticipant]) -> None:
        """What is known of those that the entries are about: of rooms by their ids, of participants by theirs."""
        self.calls = dict(calls)
        self.participants = dict(participants)
        self.ended_rooms: set[str] = set()
        """Nothing of them is left but what is above."""
        self.gone: set[str] = set()
        """Participants that are in no room any more."""

    def take(self, row: Row, entry: Entry) -> None:
        """Takes in an entry of one of `KINDS`. What is about a room whose beginning was lost is left out."""
        room_id = room_of(entry)
        if entry.kind == "room_opened":
            self._end(room_id)
            self.calls[room_id] = RunningCall(row.seq, row.at, row.at / 1e6, Meter(row.at / 1e6))
            return
        call = self.calls.get(room_id)
        if call is None:
            return
        call.latest = max(call.latest, row.at / 1e6)
        match entry.kind:
            case "waiting_joined" | "participant_joined":
                self._come(call, row, entry)
            case "recording_changed":
                call.meter.follow_recording(entry.details["state"] == Recording.ON, call.latest)
            case "room_closed":
                call.closed = str(entry.details["reason"])
            case "call_ended":
                self._end(room_id)
            case _:
                who = participant_of(entry)
                participant = self.participants.get(who)
                if participant is not None:
                    self._change(call, who, participant, row, entry)

    def _come(self, call: RunningCall, row: Row, entry: Entry) -> None:
        who, waits = participant_of(entry), entry.kind == "waiting_joined"
        role, level = str(entry.details["role"]), str(entry.details["level"])
        participant = self.participants.setdefault(
            who,
            RunningParticipant(
                room_of(entry), row.seq, entry.subject, entry.identity, role, level, Stay(call.latest, waits)
            ),
        )
        if participant.room_id != room_of(entry):
            # Out of a queue, with all its sessions.
            participant.room_id, participant.seq = room_of(entry), row.seq
            for session in participant.sessions.values():
                session.seq = row.seq
        participant.is_there = True
        participant.stay.moves(call.latest, waits=waits)
        if waits:
            call.meter.wait(who, call.latest)
        elif participant.sessions:
            call.meter.join(who, role, call.latest)

    def _change(self, call: RunningCall, who: str, participant: RunningParticipant, row: Row, entry: Entry) -> None:
        stay, reason = participant.stay, entry.details.get("reason")
        match entry.kind:
            case "session_started":
                call.call = str(entry.details["call"])
                stay.moves(call.latest, waits=stay.waits)
                if not participant.sessions and not stay.waits:
                    # Who is in the room without any session belongs to the bridge, as the recorder does: not counted.
                    call.meter.join(who, participant.role, call.latest)
                participant.sessions[str(entry.details["session"])] = RunningSession(
                    row.seq, str(entry.details["door"]), row.at, stay.waited, stay.inside
                )
            case "session_ended":
                call.sessions += 1
                participant.sessions.pop(str(entry.details["session"]), None)
            case "admitted":
                call.meter.stop_waiting(who, None, call.latest)
                participant.is_there = False
            case "waiting_left":
                call.meter.stop_waiting(who, str(reason), call.latest)
                self._leave(who)
            case "participant_left":
                call.meter.leave(who, str(reason), call.latest)
                if reason == EndReason.SENT_BACK:
                    participant.is_there = False
                else:
                    self._leave(who)

    def _leave(self, who: str) -> None:
        del self.participants[who]
        self.gone.add(who)

    def _end(self, room_id: str) -> None:
        self.calls.pop(room_id, None)
        self.ended_rooms.add(room_id)
        for who in [who for who, each in self.participants.items() if each.room_id == room_id]:
            self._leave(who)


def room_of(entry: Entry) -> str:
    """The id of the room that an entry is about."""
    return f"{entry.tenant}/{entry.room}"


def participant_of(entry: Entry) -> str:
    """The id of the participant that an entry is about; empty for none."""
    return str(entry.details.get("participant", ""))


def ids_of(entries: Iterable[Entry]) -> list[str]:
    """Of all rooms and participants that entries are about."""
    return sorted({each for entry in entries for each in (room_of(entry), participant_of(entry)) if each})
