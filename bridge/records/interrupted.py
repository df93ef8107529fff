"""Ends, as a bridge starts, what its earlier life could not end: it was killed, or lost its power."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from secrets import token_urlsafe

from bridge.audit import AuditStore, Detail, Entry
from bridge.records.entries import SessionFacts, call_ended, session_ended
from bridge.records.running import RunningCall, RunningParticipant
from bridge.records.running_store import RunningStore
from bridge.timestamps import timestamp

INTERRUPTED = "interrupted"
"""The reason why these sessions, participants and rooms ended."""
MAX_COMMIT = 500
"""Entries after which a commit takes no further room."""


def end_interrupted(running: RunningStore, log: AuditStore) -> int:
    """Writes the ends of all calls that are left, each in one commit that also forgets it; gives how many.

    The log has `running.follow`, and whatever tells of those ends, among its companions. Raises as `AuditStore.append`,
    and can be done again then.
    """
    left, alive = running.left(), running.alive()
    participants: dict[str, list[tuple[str, RunningParticipant]]] = {}
    for who, each in left.participants.items():
        participants.setdefault(each.room_id, []).append((who, each))
    entries: list[Entry] = []
    for room_id, call in sorted(left.calls.items(), key=lambda each: each[1].seq):
        entries += ends(room_id, call, participants.get(room_id, []), alive)
        if len(entries) >= MAX_COMMIT:
            _write(log, entries)
            entries = []
    if entries:
        _write(log, entries)
    return len(left.calls)


def ends(
    room_id: str, call: RunningCall, participants: Sequence[tuple[str, RunningParticipant]], alive: int
) -> list[Entry]:
    """What the log lacks of a call, in the order in which one ends that a bridge ends itself.

    `participants` with their ids; the bridge ran until `alive` (microseconds since the epoch) at least.
    """
    if call.closed is not None:
        # The room's end is written.
        return [_call_ended(room_id, call, call.closed, call.latest, {})]
    now = max(call.latest, alive / 1e6)
    ended: dict[str, Detail] = {"ended": timestamp(round(now * 1e6))}
    tenant, _, room = room_id.partition("/")
    entries: list[Entry] = []
    by_id = dict(participants)
    for _, who, session_id in sorted(_in_order(by_id)):
        each = by_id[who]
        each.stay.moves(now, waits=each.stay.waits)
        if session_id:
            session = each.sessions.pop(session_id)
            facts = SessionFacts(
                session_id, who, each.subject, each.identity, each.role, each.level, session.door, session.started
            )
            waited, inside = each.stay.waited - session.waited, each.stay.inside - session.inside
            entries.append(
                session_ended(room_id, call.call, facts, INTERRUPTED, waited=waited, inside=inside, more=ended)
            )
            call.sessions += 1
        if each.is_there and not each.sessions:
            if each.stay.waits:
                call.meter.stop_waiting(who, INTERRUPTED, now)
            else:
                call.meter.leave(who, INTERRUPTED, now)
            entries.append(
                Entry(
                    "waiting_left" if each.stay.waits else "participant_left",
                    tenant,
                    room,
                    subject=each.subject,
                    details={"participant": who, "reason": INTERRUPTED},
                    identity=each.identity,
                    attachment=ended,
                )
            )
    entries.append(Entry("room_closed", tenant, room, details={"reason": INTERRUPTED}, attachment=ended))
    return [*entries, _call_ended(room_id, call, INTERRUPTED, now, ended)]


def _in_order(participants: Mapping[str, RunningParticipant]) -> Iterator[tuple[int, str, str]]:
    """Sessions end as they came, and participants with their last one; some have none, as the recorder."""
    for who, each in participants.items():
        for session_id, session in each.sessions.items():
            yield session.seq, who, session_id
        if not each.sessions:
            yield each.seq, who, ""


def _call_ended(room_id: str, call: RunningCall, reason: str, now: float, more: dict[str, Detail]) -> Entry:
    return call_ended(
        call.meter.sum_up(room_id, reason, now),
        # Nobody had a session yet.
        call.call or token_urlsafe(12),
        started=call.started,
        sessions=call.sessions,
        more=more,
    )


def _write(log: AuditStore, entries: Sequence[Entry]) -> None:
    log.write_head(log.append(entries))
