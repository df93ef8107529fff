"""Whatever the order of what people, doctors and networks do at a queue, nobody gets in but by being taken."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bridge.room import HostDecided, MediaKind, Participant, RoomError, RoomEvent, Session, SourceAdded, SourceName
from bridge.room.events import Moved, ParticipantJoined, ParticipantLeft, WaitingJoined, WaitingLeft
from tests.room.test_queues import ONE, QUEUE, TWO, Clinic

ROOMS = (QUEUE, ONE, TWO)
PATIENTS = ("kari", "ola", "per")
DOCTORS = {"anne": "one", "bjørn": "two"}

leaps = st.sampled_from([0.0, 0.0, 0.0, 1.0, 10.0, 30.0, 60.0, 120.0, 3600.0])


class QueueMachine(RuleBasedStateMachine):
    """Acts at random, and knows of each place what only a listener knows."""

    def __init__(self) -> None:
        super().__init__()
        self.clinic = Clinic()
        self.inside: dict[str, dict[str, Participant]] = {each: {} for each in ROOMS}
        self.waiting: dict[str, dict[str, Participant]] = {each: {} for each in ROOMS}
        self.chosen: set[str] = set()
        """Identities that some doctor has taken or let in."""
        self.sessions: list[Session] = []
        self.unheard: Exception | None = None
        self.clinic.rooms.add_listener(self.hear)

    def hear(self, event: RoomEvent) -> None:
        """The rooms shield themselves from listeners that fail, so failures are kept for the next look."""
        try:
            self.note(event)
        except Exception as error:
            self.unheard = self.unheard or error

    def note(self, event: RoomEvent) -> None:
        match event:
            case WaitingJoined(room_id=room, participant=participant):
                assert all(participant.id not in each for each in (*self.waiting.values(), *self.inside.values()))
                self.waiting[room][participant.id] = participant
            case WaitingLeft(room_id=room, participant_id=participant_id):
                del self.waiting[room][participant_id]
            case ParticipantJoined(room_id=room, participant=participant):
                assert room != QUEUE, "somebody is inside a queue"
                self.inside[room][participant.id] = participant
            case ParticipantLeft(room_id=room, participant_id=participant_id):
                del self.inside[room][participant_id]
            case SourceAdded(room_id=room, participant_id=participant_id):
                assert participant_id in self.inside[room], "media of somebody who was not let in"
            case Moved(room_id=room, to=to, participant_id=participant_id):
                assert (room, to in (ONE, TWO)) == (QUEUE, True)
                assert participant_id not in self.waiting[QUEUE]
            case HostDecided(room_id=room, decision=decision, participant_id=who) if decision in ("take", "admit"):
                found = (self.waiting[QUEUE] | self.waiting[room]).get(who or "")
                assert found is not None
                self.chosen.add(found.identity)
            case _:
                pass

    def attempt(self, act: Callable[[], object]) -> None:
        with contextlib.suppress(RoomError):
            act()

    @rule(leap=leaps, who=st.sampled_from(PATIENTS), room=st.sampled_from(["dropin", "dropin", "dropin", "one"]))
    def patient(self, leap: float, who: str, room: str) -> None:
        self.clinic.now += leap
        self.attempt(lambda: self.sessions.append(self.clinic.join(room, who)))

    @rule(leap=leaps, who=st.sampled_from(list(DOCTORS)))
    def doctor(self, leap: float, who: str) -> None:
        self.clinic.now += leap
        self.attempt(lambda: self.sessions.append(self.clinic.join(DOCTORS[who], who, "fastlege")))

    @rule(leap=leaps)
    def crash(self, leap: float) -> None:
        self.clinic.rooms.handle_timeout()
        order = [each.identity for each in self.clinic.rooms.waiting(QUEUE)]
        self.clinic.crash()
        for places in (self.inside, self.waiting):
            for place in places.values():
                place.clear()
        self.sessions.clear()
        self.clinic.rooms.add_listener(self.hear)
        for who in reversed(order):
            self.patient(0.0, who, "dropin")
        assert [each.identity for each in self.clinic.rooms.waiting(QUEUE)] == order
        self.clinic.now += leap

    @precondition(lambda self: self.sessions)
    @rule(leap=leaps, data=st.data(), what=st.sampled_from(["leave", "disconnect", "resume", "send"]))
    def come_and_go(self, leap: float, data: st.DataObject, what: str) -> None:
        self.clinic.now += leap
        rooms = self.clinic.rooms
        session = data.draw(st.sampled_from(self.sessions), label="session")
        if what == "leave":
            rooms.leave(session.id)
        elif what == "disconnect":
            self.attempt(lambda: rooms.disconnect(session.id, rooms.session(session.id).attachment))
        elif what == "resume":
            self.attempt(lambda: rooms.resume(session.id, session.secret))
        else:
            self.attempt(lambda: rooms.add_source(session.id, SourceName.CAMERA, MediaKind.VIDEO))

    @precondition(lambda self: self.sessions)
    @rule(data=st.data(), what=st.sampled_from(["take", "take", "take", "admit", "send_to_lobby", "end", "remove"]))
    def decide(self, data: st.DataObject, what: str) -> None:
        self.clinic.rooms.handle_timeout()
        session = data.draw(st.sampled_from(self.sessions), label="session")
        moderation = self.clinic.rooms.moderation
        if what in ("take", "admit", "end"):
            self.attempt(lambda: getattr(moderation, what)(session.id))
            return
        people = [each for room in (ONE, TWO) for each in self.clinic.rooms.participants(room)]
        if people:
            who = data.draw(st.sampled_from(people), label="who")
            self.attempt(lambda: getattr(moderation, what)(session.id, who.id))

    @invariant()
    def everything_holds(self) -> None:
        self.clinic.rooms.handle_timeout()
        if self.unheard is not None:
            raise self.unheard
        rooms = self.clinic.rooms
        for room in ROOMS:
            assert {each.id for each in rooms.participants(room)} == set(self.inside[room])
            assert [each.id for each in rooms.waiting(room)] == [
                each.id for each in sorted(rooms.waiting(room), key=lambda one: self.rank(one))
            ]
            assert {each.id for each in rooms.waiting(room)} == set(self.waiting[room])
        assert rooms.participants(QUEUE) == []
        inside = [each.identity for room in (ONE, TWO) for each in rooms.participants(room)]
        assert set(inside) - set(DOCTORS) <= self.chosen, "somebody came in whom nobody took"
        for session in self.sessions:
            self.sessions_belong(session)

    def rank(self, participant: Participant) -> int:
        """Places are told as they are queued."""
        views = [
            self.clinic.rooms.lobby(session.id)
            for session in self.sessions
            if session.participant_id == participant.id and self.lives(session)
        ]
        return min((view.position for view in views if view is not None), default=0)

    def lives(self, session: Session) -> bool:
        try:
            self.clinic.rooms.session(session.id)
        except RoomError:
            return False
        return True

    def sessions_belong(self, session: Session) -> None:
        if not self.lives(session):
            return
        now = self.clinic.rooms.session(session.id)
        place = (self.waiting if now.waiting else self.inside)[now.room_id]
        assert now.participant_id in place, "a ghost"

    def teardown(self) -> None:
        self.clinic.rooms.close()
        assert not any(self.inside.values())
        assert not any(self.waiting.values())


TestQueues = QueueMachine.TestCase
TestQueues.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
