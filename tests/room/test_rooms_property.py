"""Whatever the order of joins, leaves, losses, resumes and leaps of the clock, the rooms hold together."""

from dataclasses import dataclass, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bridge.room import (
    Direction,
    Grant,
    JoinRequest,
    MediaKind,
    Participant,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RoomClosed,
    RoomError,
    RoomEvent,
    RoomLimits,
    RoomOpened,
    RoomPolicy,
    Rooms,
    Session,
    SessionEnded,
    Source,
    SourceAdded,
    SourceName,
    SourceRemoved,
    SourceUpdated,
)

LIMITS = RoomLimits(max_participants=3, max_rooms=3, max_rooms_per_tenant=2, max_sources=2, grace=30.0, linger=10.0)
GRANTS = frozenset(grant.value for grant in Grant)

leaps = st.sampled_from([0.0, 0.0, 0.0, 1.0, 9.9, 10.0, 29.9, 30.0, 3600.0])
"""How far the clock goes before something happens. Nobody calls the timer in between: it may be late."""


class Mirror:
    """What someone knows who only listens. It has to come out the same as what the rooms themselves say."""

    def __init__(self) -> None:
        self.rooms: dict[str, dict[str, Participant]] = {}
        self.ended: set[str] = set()

    def hear(self, event: RoomEvent) -> None:
        match event:
            case RoomOpened(room_id=room_id):
                assert room_id not in self.rooms
                self.rooms[room_id] = {}
            case RoomClosed(room_id=room_id):
                assert self.rooms.pop(room_id) == {}
            case ParticipantJoined(room_id=room_id, participant=participant):
                others = self.rooms[room_id]
                assert participant.sources == ()
                assert participant.id not in others
                assert participant.identity not in {other.identity for other in others.values()}, "a ghost"
                others[participant.id] = participant
            case ParticipantUpdated(room_id=room_id, participant=participant):
                before = self.rooms[room_id][participant.id]
                assert participant != before
                assert participant.sources == before.sources
                self.rooms[room_id][participant.id] = participant
            case ParticipantLeft(room_id=room_id, participant_id=participant_id):
                assert self.rooms[room_id].pop(participant_id).sources == ()
            case SessionEnded(room_id=room_id, participant_id=participant_id, session_id=session_id):
                assert session_id not in self.ended
                assert all(source.session_id != session_id for source in self._sources(room_id, participant_id))
                self.ended.add(session_id)
            case SourceAdded(room_id=room_id, participant_id=participant_id, source=source):
                self._put(room_id, participant_id, (*self._sources(room_id, participant_id), source))
            case SourceUpdated(room_id=room_id, participant_id=participant_id, source=source):
                before_sources = self._sources(room_id, participant_id)
                assert source not in before_sources
                changed = tuple(source if old.id == source.id else old for old in before_sources)
                self._put(room_id, participant_id, changed)
            case SourceRemoved(room_id=room_id, participant_id=participant_id, source=source):
                left = list(self._sources(room_id, participant_id))
                left.remove(source)
                self._put(room_id, participant_id, tuple(left))

    def _sources(self, room_id: str, participant_id: str) -> tuple[Source, ...]:
        return self.rooms[room_id][participant_id].sources

    def _put(self, room_id: str, participant_id: str, sources: tuple[Source, ...]) -> None:
        members = self.rooms[room_id]
        members[participant_id] = replace(members[participant_id], sources=sources)


@dataclass
class Expected:
    """A session as the rules of the house say it should be."""

    session: Session
    identity: str
    deadline: float | None = None


class RoomMachine(RuleBasedStateMachine):
    """Acts at random, keeps a simple model of which sessions should be alive, and compares."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.rooms = Rooms(LIMITS, RoomPolicy(max_length=1e9), clock=lambda: self.now)
        self.mirror = Mirror()
        self.rooms.add_listener(self.hear)
        self.unheard: Exception | None = None
        self.alive: dict[str, Expected] = {}
        self.all: list[Session] = []
        self.sources: list[tuple[str, int]] = []

    def hear(self, event: RoomEvent) -> None:
        """The rooms shield themselves from listeners that fail, so failures are kept for the next look."""
        try:
            self.mirror.hear(event)
        except Exception as error:
            self.unheard = self.unheard or error

    def leap(self, seconds: float) -> None:
        self.now += seconds
        self.alive = {
            key: each for key, each in self.alive.items() if each.deadline is None or each.deadline > self.now
        }

    def some_session(self, data: st.DataObject) -> Session:
        return data.draw(st.sampled_from(self.all), label="session")

    @rule(
        leap=leaps,
        tenant=st.sampled_from(["a", "b"]),
        room=st.sampled_from(["1", "2", "3"]),
        identity=st.sampled_from(["k", "o", "p", "q"]),
        direction=st.sampled_from([Direction.BOTH, Direction.BOTH, Direction.PUBLISH, Direction.SUBSCRIBE]),
    )
    def join(self, leap: float, tenant: str, room: str, identity: str, direction: Direction) -> None:
        self.leap(leap)
        room_id = f"{tenant}/{room}"
        inside = {each.identity for each in self.alive.values() if each.session.room_id == room_id}
        try:
            session = self.rooms.join(JoinRequest(tenant, room, identity, "", "pasient", GRANTS, direction))
        except RoomError as error:
            refusal = error
        else:
            assert identity in inside or len(inside) < LIMITS.max_participants
            self.alive = {
                key: each
                for key, each in self.alive.items()
                if (each.session.room_id, each.identity) != (room_id, identity)
                or not each.session.direction & direction
            }
            self.alive[session.id] = Expected(session, identity)
            self.all.append(session)
            return
        if refusal.code == "room_full":
            assert identity not in inside
            assert len(inside) == LIMITS.max_participants
        else:
            assert refusal.code == "too_many_rooms"
            assert room_id not in self.rooms.room_ids()

    @precondition(lambda self: self.all)
    @rule(leap=leaps, data=st.data(), stale=st.booleans())
    def disconnect(self, leap: float, data: st.DataObject, stale: bool) -> None:
        self.leap(leap)
        session = self.some_session(data)
        expected = self.alive.get(session.id)
        attachment = session.attachment if expected is None else expected.session.attachment
        self.rooms.disconnect(session.id, attachment - 1 if stale else attachment)
        if expected is not None and expected.deadline is None and not stale:
            expected.deadline = self.now + LIMITS.grace

    @precondition(lambda self: self.all)
    @rule(leap=leaps, data=st.data(), knows_secret=st.booleans())
    def resume(self, leap: float, data: st.DataObject, knows_secret: bool) -> None:
        self.leap(leap)
        session = self.some_session(data)
        try:
            resumed = self.rooms.resume(session.id, session.secret if knows_secret else "guess")
        except RoomError:
            assert session.id not in self.alive or not knows_secret
        else:
            expected = self.alive[session.id]
            assert resumed.attachment == expected.session.attachment + 1
            expected.session, expected.deadline = resumed, None

    @precondition(lambda self: self.all)
    @rule(leap=leaps, data=st.data())
    def leave(self, leap: float, data: st.DataObject) -> None:
        self.leap(leap)
        session = self.some_session(data)
        self.rooms.leave(session.id)
        self.alive.pop(session.id, None)

    @precondition(lambda self: self.all)
    @rule(leap=leaps, data=st.data(), name=st.sampled_from(SourceName), kind=st.sampled_from(MediaKind))
    def add_source(self, leap: float, data: st.DataObject, name: SourceName, kind: MediaKind) -> None:
        self.leap(leap)
        session = self.some_session(data)
        try:
            source = self.rooms.add_source(session.id, name, kind)
        except RoomError as error:
            refusal = error
        else:
            assert session.id in self.alive
            self.sources.append((session.id, source.id))
            return
        assert refusal.code in ("session_not_found", "wrong_kind", "too_many_sources")
        assert (refusal.code == "session_not_found") == (session.id not in self.alive)

    @precondition(lambda self: self.sources)
    @rule(leap=leaps, data=st.data(), muted=st.booleans(), remove=st.booleans())
    def change_source(self, leap: float, data: st.DataObject, muted: bool, remove: bool) -> None:
        self.leap(leap)
        session_id, source_id = data.draw(st.sampled_from(self.sources), label="source")
        try:
            if remove:
                self.rooms.remove_source(session_id, source_id)
                self.sources.remove((session_id, source_id))
            else:
                assert self.rooms.update_source(session_id, source_id, muted=muted).muted is muted
        except RoomError:
            assert session_id not in self.alive

    @rule(leap=leaps)
    def wait(self, leap: float) -> None:
        self.leap(leap)

    @invariant()
    def everything_agrees(self) -> None:
        self.rooms.handle_timeout()
        self.the_rooms_are_as_the_rules_say()
        self.nobody_is_there_twice_or_as_a_ghost()
        self.who_only_listens_knows_the_same()
        self.a_deadline_is_ahead_exactly_while_something_is_due()

    def the_rooms_are_as_the_rules_say(self) -> None:
        for session in self.all:
            expected = self.alive.get(session.id)
            if expected is None:
                assert session.id in self.mirror.ended
                continue
            held = self.rooms.session(session.id)
            assert held.connected == (expected.deadline is None)
            assert self.rooms.participant(session.id).identity == expected.identity

    def nobody_is_there_twice_or_as_a_ghost(self) -> None:
        for room_id in self.rooms.room_ids():
            identities = [participant.identity for participant in self.rooms.participants(room_id)]
            assert len(identities) == len(set(identities))
            assert set(identities) == {each.identity for each in self.alive.values() if each.session.room_id == room_id}

    def who_only_listens_knows_the_same(self) -> None:
        if self.unheard is not None:
            raise self.unheard
        assert self.mirror.rooms == {
            room_id: {participant.id: participant for participant in self.rooms.participants(room_id)}
            for room_id in self.rooms.room_ids()
        }
        assert self.rooms.participant_count() == sum(len(members) for members in self.mirror.rooms.values())

    def a_deadline_is_ahead_exactly_while_something_is_due(self) -> None:
        due = self.rooms.poll_timeout()
        lost = [each.deadline for each in self.alive.values() if each.deadline is not None]
        # A room that is open closes at some time.
        assert (due is not None) == bool(lost or self.rooms.room_ids())
        assert due is None or due > self.now
        assert due is None or all(due <= deadline for deadline in lost)

    def teardown(self) -> None:
        self.leap(LIMITS.grace)
        self.rooms.handle_timeout()
        self.rooms.close()
        assert self.mirror.rooms == {}
        assert {session.id for session in self.all} <= self.mirror.ended


TestRooms = RoomMachine.TestCase
TestRooms.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
