"""One room: its members, their sessions and their sources. Used by `Rooms` only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from bridge.room.errors import RoomError
from bridge.room.events import (
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RoomListener,
    SessionEnded,
    SourceAdded,
    SourceRemoved,
    SourceUpdated,
)
from bridge.room.model import EndReason, JoinRequest, MediaKind, Participant, Session, Source, SourceName

SESSION_ID_BYTES = 16
SECRET_BYTES = 32
PARTICIPANT_ID_BYTES = 9


@dataclass(slots=True)
class _Member:
    """A participant as it is kept. It lives as long as it has a session."""

    id: str
    identity: str
    name: str
    role: str
    order: int
    sessions: dict[str, Session] = field(default_factory=dict)
    sources: dict[int, Source] = field(default_factory=dict)

    def snapshot(self, room_id: str) -> Participant:
        sessions = self.sessions.values()
        return Participant(
            id=self.id,
            room_id=room_id,
            identity=self.identity,
            name=self.name,
            role=self.role,
            grants=frozenset[str]().union(*(session.grants for session in sessions)),
            connected=any(session.connected for session in sessions),
            order=self.order,
            sources=tuple(self.sources.values()),
        )


class Room:
    """The members of one room. Every change is told to `emit` once it is complete."""

    def __init__(self, room_id: str, tenant: str, emit: RoomListener, new_token: Callable[[int], str]) -> None:
        self.id = room_id
        self.tenant = tenant
        self._emit = emit
        self._new_token = new_token
        self._members: dict[str, _Member] = {}
        self._by_identity: dict[str, _Member] = {}
        self._by_session: dict[str, _Member] = {}

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Participant]:
        return (member.snapshot(self.id) for member in self._members.values())

    def session_ids(self) -> list[str]:
        """Ids of all live sessions."""
        return list(self._by_session)

    def session(self, session_id: str) -> Session:
        """A live session; its existence is the caller's knowledge."""
        return self._by_session[session_id].sessions[session_id]

    def participant(self, session_id: str) -> Participant:
        """Whose session it is."""
        return self._by_session[session_id].snapshot(self.id)

    def join(self, request: JoinRequest, order: int, max_participants: int) -> Session:
        """Lets someone in, in place of those older sessions of the same identity that served the same direction."""
        member = self._by_identity.get(request.identity)
        if member is None:
            if len(self._members) >= max_participants:
                raise RoomError("room_full", f"The room already has its {max_participants} participants.", field="room")
            return self._join_anew(request, order)
        before = member.snapshot(self.id)
        overlapping = [key for key, held in member.sessions.items() if held.direction & request.direction]
        for session_id in overlapping:
            self._drop_session(member, session_id, EndReason.REPLACED)
        if not member.sessions:
            self._drop_member(member, EndReason.REPLACED)
            return self._join_anew(request, order)
        member.name, member.role = request.name, request.role
        session = self._add_session(member, request)
        self._tell_update(member, before)
        return session

    def connect(self, session_id: str) -> Session:
        """A new connection holds the session; the one before, if any, no longer does."""
        member = self._by_session[session_id]
        before = member.snapshot(self.id)
        session = member.sessions[session_id]
        session = replace(session, connected=True, attachment=session.attachment + 1)
        member.sessions[session_id] = session
        self._tell_update(member, before)
        return session

    def disconnect(self, session_id: str) -> None:
        """The session's connection is gone."""
        member = self._by_session[session_id]
        before = member.snapshot(self.id)
        member.sessions[session_id] = replace(member.sessions[session_id], connected=False)
        self._tell_update(member, before)

    def end_session(self, session_id: str, reason: EndReason) -> None:
        """Ends a session, and with its last one the participant."""
        member = self._by_session[session_id]
        before = member.snapshot(self.id)
        self._drop_session(member, session_id, reason)
        if member.sessions:
            self._tell_update(member, before)
        else:
            self._drop_member(member, reason)

    def add_source(self, session_id: str, source: Source, max_sources: int) -> None:
        """Adds what a session begins to send."""
        member = self._by_session[session_id]
        self._check_source(member.sessions[session_id], source.name, source.kind)
        if len(member.sources) >= max_sources:
            raise RoomError("too_many_sources", f"A participant has {max_sources} sources at most.", field="source")
        member.sources[source.id] = source
        self._emit(SourceAdded(self.id, member.id, source))

    def update_source(self, session_id: str, source_id: int, name: SourceName | None, muted: bool | None) -> Source:
        """Changes what is given; says nothing if nothing changed."""
        member, old = self._source(session_id, source_id)
        new = replace(old, name=old.name if name is None else name, muted=old.muted if muted is None else muted)
        if new != old:
            self._check_source(member.sessions[session_id], new.name, new.kind)
            member.sources[source_id] = new
            self._emit(SourceUpdated(self.id, member.id, new))
        return new

    def remove_source(self, session_id: str, source_id: int) -> None:
        """Removes what a session no longer sends."""
        member, source = self._source(session_id, source_id)
        del member.sources[source_id]
        self._emit(SourceRemoved(self.id, member.id, source))

    def _join_anew(self, request: JoinRequest, order: int) -> Session:
        member = _Member(self._new_token(PARTICIPANT_ID_BYTES), request.identity, request.name, request.role, order)
        self._members[member.id] = member
        self._by_identity[member.identity] = member
        session = self._add_session(member, request)
        self._emit(ParticipantJoined(self.id, member.snapshot(self.id)))
        return session

    def _add_session(self, member: _Member, request: JoinRequest) -> Session:
        session = Session(
            id=self._new_token(SESSION_ID_BYTES),
            secret=self._new_token(SECRET_BYTES),
            room_id=self.id,
            participant_id=member.id,
            direction=request.direction,
            grants=request.grants,
            connected=True,
            attachment=0,
        )
        member.sessions[session.id] = session
        self._by_session[session.id] = member
        return session

    def _drop_session(self, member: _Member, session_id: str, reason: EndReason) -> None:
        for source in [source for source in member.sources.values() if source.session_id == session_id]:
            del member.sources[source.id]
            self._emit(SourceRemoved(self.id, member.id, source))
        del member.sessions[session_id], self._by_session[session_id]
        self._emit(SessionEnded(self.id, member.id, session_id, reason))

    def _drop_member(self, member: _Member, reason: EndReason) -> None:
        del self._members[member.id], self._by_identity[member.identity]
        self._emit(ParticipantLeft(self.id, member.id, reason))

    def _tell_update(self, member: _Member, before: Participant) -> None:
        after = member.snapshot(self.id)
        # Sources have events of their own.
        if replace(before, sources=()) != replace(after, sources=()):
            self._emit(ParticipantUpdated(self.id, after))

    def _source(self, session_id: str, source_id: int) -> tuple[_Member, Source]:
        member = self._by_session[session_id]
        source = member.sources.get(source_id)
        if source is None or source.session_id != session_id:
            raise RoomError("source_not_found", "This session sends no such source.", field="source")
        return member, source

    @staticmethod
    def _check_source(session: Session, name: SourceName, kind: MediaKind) -> None:
        if kind not in name.kinds:
            raise RoomError("wrong_kind", f"A {name.value} does not send {kind.value}.", field="kind")
        if not session.may(name.grant):
            raise RoomError(
                "not_granted",
                f"The token does not grant {name.grant.value}.",
                field="source",
                hint="The role or the token's own list of grants leaves it out.",
            )
