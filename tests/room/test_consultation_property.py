"""Whatever the order of what people, hosts, networks and clocks do, the rules of the house hold.

That is: nobody gets past the lobby, no room goes on without a host, no consent is assumed, nobody stays as a ghost.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bridge.room import (
    DEFAULT_ROLES,
    ConsentAnswered,
    Direction,
    Entrance,
    LobbyNotice,
    MediaKind,
    Participant,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    Recording,
    RoomError,
    RoomEvent,
    RoomLimits,
    RoomPolicy,
    Session,
    SourceAdded,
    SourceName,
    SourceRemoved,
    WaitingJoined,
    WaitingLeft,
    WaitingUpdated,
)
from tests.room.hall import ROOM, Consultation, refused

LIMITS = RoomLimits(max_participants=4, max_waiting=3, grace=30.0, linger=10.0)
POLICY = RoomPolicy(host_absence=60.0, reentry=120.0)
ROLES = {
    "doctor": "fastlege",
    "other": "spesialist",
    "kari": "pasient",
    "ola": "pasient",
    "nav": "nav",
    "system": "nav",
    "recorder": "opptak",
}
BY_WHIP = frozenset({"system"})
"""Those who only send, and whose vendor's system hands their consents in."""

HOST = frozenset({"host"})

leaps = st.sampled_from([0.0, 0.0, 0.0, 1.0, 10.0, 30.0, 59.0, 60.0, 120.0, 3600.0])
identities = st.sampled_from(list(ROLES))


class Mirror:
    """What someone knows who only listens."""

    def __init__(self) -> None:
        self.inside: dict[str, Participant] = {}
        self.waiting: dict[str, Participant] = {}
        self.sources: dict[int, str] = {}
        self.consented: dict[str, set[str]] = {}

    def hear(self, event: RoomEvent) -> None:
        match event:
            case WaitingJoined(participant=participant):
                assert participant.id not in self.inside | self.waiting
                self.waiting[participant.id] = participant
            case WaitingUpdated(participant=participant):
                assert participant.id in self.waiting
                self.waiting[participant.id] = participant
            case WaitingLeft(participant_id=participant_id):
                del self.waiting[participant_id]
            case ParticipantJoined(participant=participant):
                assert participant.id not in self.inside | self.waiting
                assert participant.sources == ()
                self.inside[participant.id] = participant
            case ParticipantUpdated(participant=participant):
                assert participant.id in self.inside
                self.inside[participant.id] = participant
            case ParticipantLeft(participant_id=participant_id):
                assert participant_id not in self.sources.values()
                del self.inside[participant_id]
            case SourceAdded(participant_id=participant_id, source=source):
                assert participant_id in self.inside, "media of somebody who is not in the room"
                self.sources[source.id] = participant_id
            case SourceRemoved(source=source):
                del self.sources[source.id]
            case ConsentAnswered(participant_id=participant_id, request=request, consents=consents):
                identity = (self.inside | self.waiting)[participant_id].identity
                answers = self.consented.setdefault(request.id, set())
                (answers.add if consents else answers.discard)(identity)
            case _:
                pass


class ConsultationMachine(RuleBasedStateMachine):
    """Acts at random, notes whom hosts let in, and holds the room to it."""

    def __init__(self) -> None:
        super().__init__()
        self.room = Consultation(limits=LIMITS, policy=POLICY)
        self.mirror = Mirror()
        self.unheard: Exception | None = None
        self.room.rooms.add_listener(self.hear)
        self.sessions: list[Session] = []
        self.let_in: set[str] = set()
        """Identities that hosts let in, and have not refused, sent back or taken out since."""
        self.handed: set[str] = set()
        self.tokens: dict[str, float] = {}
        """Until when the token of an identity lives."""
        self.strangers = 0
        self.banned: dict[str, float] = {}
        """Until when."""
        self.hostless_since: float | None = None

    def hear(self, event: RoomEvent) -> None:
        """The rooms shield themselves from listeners that fail, so failures are kept for the next look."""
        try:
            self.mirror.hear(event)
        except Exception as error:
            self.unheard = self.unheard or error

    def some(self, data: st.DataObject) -> Session:
        return data.draw(st.sampled_from(self.sessions), label="session")

    def some_host(self, data: st.DataObject) -> Session:
        """Mostly one who may decide."""
        hosts = [session for session in self.sessions if HOST & session.grants]
        return data.draw(st.sampled_from(hosts), label="host") if hosts else self.some(data)

    def somebody(self, data: st.DataObject) -> Participant | None:
        people = self.room.rooms.participants(ROOM) + self.room.rooms.waiting(ROOM)
        return data.draw(st.sampled_from(people), label="somebody") if people else None

    def attempt(self, act: Callable[[], object]) -> bool:
        """Whether an act was carried out. One that was refused must be so by a typed error."""
        try:
            act()
        except RoomError:
            return False
        return True

    @initialize(recorded=st.booleans())
    def a_call(self, recorded: bool) -> None:
        """From an empty room it takes luck to come to anything."""
        doctor, kari = self.room.join("doctor", "fastlege"), self.room.join("kari")
        self.sessions += [doctor, kari]
        self.room.moderation.admit(doctor.id)
        self.let_in.add("kari")
        self.tokens = dict.fromkeys(("doctor", "kari"), self.room.now + 600.0)
        if recorded:
            self.room.participation.ask_to_record(doctor.id, "2026-1")

    @rule(leap=leaps, identity=identities)
    def join(self, leap: float, identity: str) -> None:
        self.room.now += leap
        direction = Direction.PUBLISH if identity in BY_WHIP else Direction.BOTH
        by_vendor = identity in BY_WHIP
        if self.attempt(
            lambda: self.sessions.append(
                self.room.join(
                    identity,
                    ROLES[identity],
                    direction=direction,
                    consent_by_vendor=by_vendor,
                    may_host=ROLES[identity] == "nav",
                )
            )
        ):
            assert self.room.now >= self.banned.get(identity, 0.0), "whom a host took out came back by the same token"
            self.tokens[identity] = self.room.now + 600.0

    @rule(leap=leaps, data=st.data(), complete=st.sampled_from([True, True, False]))
    def crash(self, leap: float, data: st.DataObject, complete: bool) -> None:
        """Some of those who waited come back at once, in any order; the others come later, or never."""
        rooms = self.room.rooms
        rooms.handle_timeout()
        locked, queue = rooms.state(ROOM).locked, [each.identity for each in rooms.waiting(ROOM)]
        self.room.crash(complete=complete)
        self.mirror, self.sessions, self.hostless_since = Mirror(), [], None
        self.room.rooms.add_listener(self.hear)
        if not complete:
            self.let_in.clear()
            self.handed.clear()
        for identity, until in self.banned.items():
            if until > self.room.now:
                refused("banned", partial(self.room.join, identity, ROLES[identity]))
        self.strangers += 1
        knock = partial(self.room.join, f"stranger {self.strangers}")
        stranger = None
        if locked:
            refused("room_locked", knock)
        else:
            stranger = knock()
        back = data.draw(st.lists(st.sampled_from(queue), unique=True) if queue else st.just([]), label="back")
        for identity in back:
            self.join(0.0, identity)
        came = [each.identity for each in self.room.rooms.waiting(ROOM)]
        if "host" not in {grant for each in self.room.rooms.participants(ROOM) for grant in each.grants}:
            direct = {who for who in back if who not in came}
            # Whoever came to this bridge first, but not to the one before it, is behind them all.
            late = [] if stranger is None else [f"stranger {self.strangers}"]
            assert came == [who for who in queue if who in back and who not in direct] + late
        if stranger is not None:
            self.room.rooms.leave(stranger.id)
        self.room.now += leap

    @precondition(lambda self: self.sessions)
    @rule(leap=leaps, data=st.data(), how=st.sampled_from(["leave", "disconnect", "resume"]))
    def come_and_go(self, leap: float, data: st.DataObject, how: str) -> None:
        self.room.now += leap
        session = self.some(data)
        rooms = self.room.rooms
        if how == "leave":
            rooms.leave(session.id)
        elif how == "disconnect":
            self.attempt(lambda: rooms.disconnect(session.id, rooms.session(session.id).attachment))
        else:
            self.attempt(lambda: rooms.resume(session.id, session.secret))

    @precondition(lambda self: self.sessions)
    @rule(data=st.data(), everyone=st.booleans())
    def admit(self, data: st.DataObject, everyone: bool) -> None:
        self.room.rooms.handle_timeout()
        session = self.some_host(data)
        waiting = self.room.rooms.waiting(ROOM)
        chosen = waiting if everyone or not waiting else [data.draw(st.sampled_from(waiting), label="chosen")]
        ids = None if everyone else [each.id for each in chosen]
        if self.attempt(lambda: self.room.moderation.admit(session.id, ids)):
            self.let_in |= {each.identity for each in chosen}
            inside = {each.identity for each in self.room.rooms.participants(ROOM)}
            if inside & {each.identity for each in chosen}:
                # Another one is with the doctor now: whoever is away has to be let in anew.
                self.let_in &= inside | {each.identity for each in chosen}

    @precondition(lambda self: self.sessions)
    @rule(leap=leaps, data=st.data(), what=st.sampled_from(["refuse", "send_to_lobby", "remove", "hand_over"]))
    def decide(self, leap: float, data: st.DataObject, what: str) -> None:
        self.room.now += leap
        self.room.rooms.handle_timeout()
        session, target = self.some_host(data), self.somebody(data)
        if target is None or not self.attempt(lambda: getattr(self.room.moderation, what)(session.id, target.id)):
            return
        if what == "hand_over":
            self.handed.add(target.identity)
            return
        self.handed.discard(target.identity)
        if what == "remove":
            self.banned[target.identity] = self.tokens.get(target.identity, 0.0)
        self.let_in.discard(target.identity)

    @precondition(lambda self: self.sessions)
    @rule(data=st.data(), what=st.sampled_from(["lock", "unlock", "end", "message"]))
    def rule_the_room(self, data: st.DataObject, what: str) -> None:
        session = self.some_host(data)
        moderation = self.room.moderation
        acts: dict[str, Callable[[], None]] = {
            "lock": lambda: moderation.lock(session.id, True),
            "unlock": lambda: moderation.lock(session.id, False),
            "end": lambda: moderation.end(session.id),
            "message": lambda: moderation.message_lobby(session.id, LobbyNotice.DELAYED, minutes=10),
        }
        if self.attempt(acts[what]) and what == "end":
            self.let_in.clear()

    @precondition(lambda self: self.sessions)
    @rule(leap=leaps, data=st.data(), what=st.sampled_from(["ask", "stop", "yes", "yes", "no"]))
    def record(self, leap: float, data: st.DataObject, what: str) -> None:
        self.room.now += leap
        session, part = self.some(data), self.room.participation
        if what == "ask":
            self.attempt(lambda: part.ask_to_record(session.id, "2026-1"))
        elif what == "stop":
            self.attempt(lambda: part.stop_recording(session.id))
        elif session.direction == Direction.BOTH:
            # Who only sends has no door to answer by.
            requests = [event.request.id for event in self.room.events if isinstance(event, ConsentAnswered)]
            request_id = requests[-1] if requests else "none"
            self.attempt(lambda: part.answer_consent(session.id, request_id, what == "yes"))

    @rule(leap=leaps, data=st.data(), consents=st.sampled_from([True, True, False]))
    def hand_in(self, leap: float, data: st.DataObject, consents: bool) -> None:
        """A vendor's system does, for whoever is there: it is taken for those only whom it asks."""
        self.room.now += leap
        self.room.rooms.handle_timeout()
        target = self.somebody(data)
        requests = [event.request.id for event in self.room.events if isinstance(event, ConsentAnswered)]
        if target is None or not requests:
            return
        taken = self.attempt(
            lambda: self.room.rooms.vendor_consents.answer(
                ROOM, target.id, requests[-1], consents=consents, text_version="v1"
            )
        )
        assert not taken or target.identity in BY_WHIP

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        session = self.some(data)
        self.attempt(lambda: self.room.rooms.add_source(session.id, SourceName.CAMERA, MediaKind.VIDEO))

    @rule(leap=leaps)
    def wait(self, leap: float) -> None:
        self.room.now += leap

    @invariant()
    def everything_holds(self) -> None:
        self.room.rooms.handle_timeout()
        self.who_only_listens_knows_the_same()
        self.nobody_is_inside_whom_no_host_let_in()
        self.nobody_stays_for_long_without_a_host()
        self.no_consent_is_assumed()
        self.the_queue_is_in_order_and_places_are_told()

    def who_only_listens_knows_the_same(self) -> None:
        if self.unheard is not None:
            raise self.unheard
        inside, waiting = self.room.rooms.participants(ROOM), self.room.rooms.waiting(ROOM)
        assert {each.id for each in inside} == set(self.mirror.inside)
        assert {each.id: each for each in waiting} == self.mirror.waiting
        everyone = [each.identity for each in inside + waiting]
        assert len(everyone) == len(set(everyone)), "a ghost"
        assert {source.id for each in inside for source in each.sources} == set(self.mirror.sources)
        assert all(each.sources == () for each in waiting)
        assert len(inside) <= LIMITS.max_participants

    def nobody_is_inside_whom_no_host_let_in(self) -> None:
        for participant in self.room.rooms.participants(ROOM):
            direct = DEFAULT_ROLES[participant.role].enters is Entrance.DIRECT
            assert direct or participant.identity in self.let_in | self.handed

    def nobody_stays_for_long_without_a_host(self) -> None:
        inside = self.room.rooms.participants(ROOM)
        if any("host" in each.grants for each in inside):
            self.hostless_since = None
        elif self.hostless_since is None:
            self.hostless_since = self.room.now
        elif self.room.now - self.hostless_since > POLICY.host_absence:
            assert all(DEFAULT_ROLES[each.role].enters is Entrance.DIRECT for each in inside)

    def no_consent_is_assumed(self) -> None:
        if self.room.rooms.state(ROOM).recording is not Recording.ON:
            return
        request_id = [event.request.id for event in self.room.events if isinstance(event, ConsentAnswered)][-1]
        for participant in self.room.rooms.participants(ROOM):
            asked = DEFAULT_ROLES[participant.role].consents
            assert not asked or participant.identity in self.mirror.consented[request_id]
            assert participant.consented_by_vendor is (participant.identity in BY_WHIP)
        assert not any(each.consent_pending for each in self.room.rooms.waiting(ROOM))

    def the_queue_is_in_order_and_places_are_told(self) -> None:
        waiting = self.room.rooms.waiting(ROOM)
        for session in self.sessions:
            try:
                view = self.room.rooms.lobby(session.id)
            except RoomError:
                continue
            if view is not None:
                participant = self.room.rooms.participant(session.id)
                assert view.position == [each.id for each in waiting].index(participant.id) + 1

    def teardown(self) -> None:
        self.room.rooms.close()
        assert self.mirror.inside == {}
        assert self.mirror.waiting == {}
        assert self.mirror.sources == {}


TestConsultation = ConsultationMachine.TestCase
TestConsultation.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
