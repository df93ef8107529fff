"""One room: its members, those who wait in its lobby, their sessions and their sources. Used by this package only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from bridge.room.bans import Ban, Bans
from bridge.room.chat import Chat
from bridge.room.consent import RecordingConsent
from bridge.room.errors import NotGrantedError, RoomError, consent_impossible, in_lobby
from bridge.room.events import (
    Admitted,
    ConsentAsked,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RoomChanged,
    RoomListener,
    SentBack,
    SessionEnded,
    TokenBanned,
    WaitingJoined,
    WaitingLeft,
    WaitingUpdated,
)
from bridge.room.grants import Entrance, Grant
from bridge.room.lobby import Lobby
from bridge.room.member import Member
from bridge.room.model import (
    Direction,
    EndReason,
    JoinRequest,
    LobbyView,
    Participant,
    Proposal,
    RoomLimits,
    RoomPolicy,
    RoomState,
    Session,
    WithoutHost,
)
from bridge.room.places import Place, Places
from bridge.room.sources import Sources
from bridge.room.video_consent import VideoConsent

SESSION_ID_BYTES = 16
SECRET_BYTES = 32
PARTICIPANT_ID_BYTES = 9

_MAY_COME_BACK = frozenset({EndReason.LEFT, EndReason.TIMED_OUT, EndReason.MEDIA_LOST})


class Room:
    """The members of one room, in it or in its lobby. Every change is told to `emit` once it is complete."""

    def __init__(
        self,
        room_id: str,
        tenant: str,
        emit: RoomListener,
        new_token: Callable[[int], str],
        limits: RoomLimits,
        policy: RoomPolicy,
        *,
        recordable: bool,
        is_queue: bool = False,
    ) -> None:
        """`is_queue`: everyone waits here, and is let into another room."""
        self.is_queue = is_queue
        self.id = room_id
        self.tenant = tenant
        asks = any(fnmatchcase(room_id, pattern) for pattern in policy.video_consent)
        self.state = RoomState(recordable=recordable, video_consent=asks)
        self.lobby = Lobby(policy.consultation)
        self.chat = Chat()
        self.consent = RecordingConsent()
        self.video_consent = VideoConsent()
        self.video_consent.needed = self.state.video_consent
        self.sources = Sources(room_id, emit, self.video_consent, limits.max_sources)
        self.members: dict[str, Member] = {}
        """Everyone, by id, in order of joining."""
        self.handed: set[str] = set()
        """Identities that a host has handed its office over to."""
        self.proposals: dict[str, Proposal] = {}
        """Whom somebody would have invited, by id, until a host has decided."""
        self.outcome = EndReason.EMPTY
        """Why it is over, once nobody has been in it for a while."""
        self.invited: set[str] = set()
        """Ids of the links that were made in this room."""
        self._emit = emit
        self._new_token = new_token
        self._limits = limits
        self._policy = policy
        self.places = Places()
        self._by_identity: dict[str, Member] = {}
        self._by_session: dict[str, Member] = {}

    # What is there

    def __len__(self) -> int:
        """How many there are, the lobby included."""
        return len(self.members)

    def __iter__(self) -> Iterator[Participant]:
        """Those in the room."""
        return (member.snapshot(self.id) for member in self.members.values() if not member.waiting)

    def count_inside(self) -> int:
        """How many are in the room, the lobby left out."""
        return sum(not member.waiting for member in self.members.values())

    def waiting(self) -> list[Participant]:
        """Those in the lobby, the next one first."""
        return [member.snapshot(self.id) for member in self.lobby.queue(self.members.values())]

    def has_host(self) -> bool:
        """Whether somebody in the room may let others in."""
        return any(member.decides for member in self.members.values())

    def lacks_host(self) -> bool:
        """Whether those inside who came by the lobby are there without a host, against the policy."""
        return (
            self._policy.without_host is WithoutHost.WAIT
            and any(member.by_lobby and not member.waiting for member in self.members.values())
            and not self.has_host()
        )

    def session_ids(self) -> list[str]:
        """Ids of all live sessions."""
        return list(self._by_session)

    def session(self, session_id: str) -> Session:
        """A live session; its existence is the caller's knowledge."""
        return self._by_session[session_id].sessions[session_id]

    def member(self, session_id: str) -> Member:
        """Whose session it is."""
        return self._by_session[session_id]

    def acting(self, session_id: str, grant: Grant | None = None) -> Member:
        """Who acts by a session. Raises `in_lobby` for one that waits, `not_granted` for one that lacks the grant."""
        session = self.session(session_id)
        if session.waiting:
            raise in_lobby()
        if grant is not None and not session.may(grant):
            raise NotGrantedError(grant.value)
        return self._by_session[session_id]

    def view_of_lobby(self, session_id: str, now: float, rests: Sequence[float]) -> LobbyView | None:
        """What its owner may know of the lobby, given `rests` (see `Lobby.view`); None for one inside."""
        member = self._by_session[session_id]
        if not member.waiting:
            return None
        return self.lobby.view(member, self.members.values(), now, rests=rests)

    # Joining and leaving

    def join(self, request: JoinRequest, order: int, now: float) -> Session:
        """Lets someone in, in place of those older sessions of the same identity that served the same direction.

        Raises `RoomError`.
        """
        member = self._by_identity.get(request.identity)
        if member is None:
            return self._come(request, order, now)
        counts = not member.waiting or member.consent_pending
        answers = request.consent_by_vendor or request.direction is Direction.BOTH
        if counts and not answers and self._must_be_asked(request):
            # It would take the place of the session that could be asked, and hold the recording up for good.
            raise consent_impossible()
        before = member.snapshot(self.id)
        overlapping = [key for key, held in member.sessions.items() if held.direction & request.direction]
        # A client of WHIP that knocked, and now comes in: for the others it is there already.
        knocked = request.direction is not Direction.BOTH and not any(
            member.sessions[key].connected for key in overlapping
        )
        for session_id in overlapping:
            self._drop_session(member, session_id, EndReason.REPLACED)
        if not member.sessions and not member.waiting and not knocked:
            pinned = self.state.pinned == member.id
            self._drop_member(member, EndReason.REPLACED, now)
            by_lobby = member.by_lobby and request.enters is Entrance.LOBBY
            session = self._join_anew(
                request, order, waiting=False, place=member.place, tokens=member.tokens, by_lobby=by_lobby, now=now
            )
            if pinned:
                self.pin(self._by_session[session.id].id)
            return session
        # Whoever waits stays who they are to the hosts, however often they reload or knock.
        member.describe(request)
        session = self._add_session(member, request, now)
        comes_in = member.waiting and not member.held_back and not self._waits(request, None, now)
        if comes_in and self.has_space(0 if member.service or member.consent_pending else 1):
            self.let_in(member, now)
            if not member.waiting:
                return member.sessions[session.id]
        # Also of who is to consent first, and was away meanwhile.
        self.tell_update(member, before)
        return session

    def connect(self, session_id: str) -> Session:
        """A new connection holds the session; the one before, if any, no longer does."""
        member = self._by_session[session_id]
        before = member.snapshot(self.id)
        session = member.sessions[session_id]
        session = replace(session, connected=True, attachment=session.attachment + 1)
        member.sessions[session_id] = session
        self.tell_update(member, before)
        return session

    def disconnect(self, session_id: str) -> None:
        """The session's connection is gone."""
        member = self._by_session[session_id]
        before = member.snapshot(self.id)
        member.sessions[session_id] = replace(member.sessions[session_id], connected=False)
        self.tell_update(member, before)

    def end_session(self, session_id: str, reason: EndReason, now: float) -> None:
        """Ends a session, and with its last one the participant."""
        member = self._by_session[session_id]
        before = member.snapshot(self.id)
        self._drop_session(member, session_id, reason)
        if member.sessions:
            self.tell_update(member, before)
        else:
            self._drop_member(member, reason, now)

    def end_member(self, member: Member, reason: EndReason, now: float) -> None:
        """Ends all sessions of a member."""
        for session_id in list(member.sessions):
            self._drop_session(member, session_id, reason)
        self._drop_member(member, reason, now)

    def expel(self, member: Member, bans: Bans, now: float) -> None:
        """Ends a member, and lets none of its tokens in again."""
        for token_id, until in member.tokens.items():
            ban = Ban(self.tenant, token_id, until)
            bans.add(ban, now)
            self._emit(TokenBanned(self.id, ban))
        self.end_member(member, EndReason.REMOVED, now)

    # The lobby

    def has_space(self, more: int) -> bool:
        """Whether so many more fit in. Who was let in and is yet to consent to the recording has a place."""
        taken = sum((not each.waiting or each.consent_pending) and not each.service for each in self.members.values())
        return taken + more <= self._limits.max_participants

    def check_space(self, more: int) -> None:
        """Raises `room_full` where so many more would not fit in."""
        if not self.has_space(more):
            places = self._limits.max_participants
            raise RoomError("room_full", f"The room already has its {places} participants.", field="room")

    def let_in(self, member: Member, now: float, *, again: bool = False) -> None:
        """From the lobby into the room (`again`: see `enter`); while it is recorded, only after their consent.

        Who cannot be asked waits on.
        """
        if not self.consent.lacks(member):
            self.enter(member, now, again=again)
        elif not member.consent_pending and self._can_answer(member):
            before = member.snapshot(self.id)
            member.consent_pending, member.held_back = True, False
            self.tell_update(member, before)
            self.ask_consent([member])

    def ask_consent(self, members: Iterable[Member]) -> None:
        """Asks these to consent to the recording at hand, if they have not."""
        asked = frozenset(member.id for member in members if self.consent.lacks(member))
        if asked and self.consent.request is not None:
            self._emit(ConsentAsked(self.id, asked, self.consent.request))

    def check_can_answer(self, members: Iterable[Member]) -> None:
        """Raises `consent_impossible` where one of these would have to consent to a recording, and cannot be asked."""
        if not all(self._can_answer(member) for member in members):
            raise consent_impossible()

    def _can_answer(self, member: Member) -> bool:
        return member.can_answer or not member.consents or self.consent.has(member.identity)

    def settle(self, now: float) -> None:
        """Draws the conclusions from who is there now, for those who wait for a host, and for the recording."""
        self._let_back_in(now)
        recording = self.consent.state(self.members.values())
        if recording is not self.state.recording:
            self.state = replace(self.state, recording=recording)
            self._emit(RoomChanged(self.id, self.state))
        for member in self.members.values():
            before = member.snapshot(self.id)
            member.asked = not member.waiting and self.consent.lacks(member)
            member.consented_by_vendor = (
                self.consent.request is not None and self.consent.given_by_vendor(member.identity)
            ) or (self.video_consent.needed and self.video_consent.given_by_vendor(member.identity))
            self.tell_update(member, before)
        for member in [member for member in self.members.values() if member.consent_pending]:
            if self.consent.lacks(member):
                continue
            if member.by_lobby and self._policy.without_host is WithoutHost.WAIT and not self.has_host():
                # Whoever let them in has gone meanwhile.
                self.forget_admission(member)
            else:
                self.enter(member, now)

    def forget_admission(self, member: Member) -> None:
        """Someone who was let in, and was to consent to the recording first, has to be let in anew."""
        before = member.snapshot(self.id)
        member.consent_pending = False
        self.tell_update(member, before)

    def enter(self, member: Member, now: float, *, again: bool = False) -> None:
        """From the lobby into the room; `again`: a host has let them in before."""
        member.held_back, member.consent_pending, member.admitted_until = False, False, 0.0
        member.messages.clear()
        member.delayed_until = 0.0
        member.set_waiting(False)
        if not member.invited and not again:
            # Whoever was in here before has to be let in anew: another patient is with the doctor now.
            self.forget_places()
            self.lobby.let_in(member, now)
        self._emit(WaitingLeft(self.id, member.id, None))
        self._emit(Admitted(self.id, member.id))
        self._emit(ParticipantJoined(self.id, member.snapshot(self.id)))

    def _let_back_in(self, now: float) -> None:
        """Whoever was let in before, and came back before any host did, enters as soon as there is one."""
        for member in self.lobby.queue(self.members.values()):
            if member.admitted_until > now and self.has_host() and self.has_space(1):
                self.let_in(member, now, again=True)

    def send_back(self, member: Member, *, held_back: bool, now: float) -> None:
        """From the room into the lobby; `held_back`: not even a role that enters directly comes in by itself."""
        self.sources.drop_all(member)
        member.held_back, member.by_lobby = held_back, True
        member.hand_raised = False
        self.handed.discard(member.identity)
        member.set_waiting(True)
        self.lobby.newcomer(member, now)
        self._emit(ParticipantLeft(self.id, member.id, EndReason.SENT_BACK))
        if self.state.pinned == member.id:
            self.pin(None)
        self._emit(SentBack(self.id, member.id))
        self._emit(WaitingJoined(self.id, member.snapshot(self.id)))

    def clear(self, now: float) -> None:
        """No host came back: those who came by the lobby wait again."""
        for member in [member for member in self.members.values() if member.by_lobby and not member.waiting]:
            self.send_back(member, held_back=False, now=now)

    def release(self, member: Member) -> None:
        """Someone who waits here is about to be let into another room."""
        del self.members[member.id], self._by_identity[member.identity]
        for session_id in member.sessions:
            del self._by_session[session_id]
        self._emit(WaitingLeft(self.id, member.id, None))

    def adopt(self, member: Member, now: float) -> None:
        """Someone who waited elsewhere waits here, in place of an older self."""
        older = self._by_identity.get(member.identity)
        if older is not None:
            self.end_member(older, EndReason.REPLACED, now)
        self.members[member.id] = member
        self._by_identity[member.identity] = member
        for session_id, session in member.sessions.items():
            member.sessions[session_id] = replace(session, room_id=self.id)
            self._by_session[session_id] = member
        self._emit(WaitingJoined(self.id, member.snapshot(self.id)))

    def expects(self, identity: str, now: float) -> bool:
        """Whether somebody is here, or has a place kept."""
        return identity in self._by_identity or self.places.find(identity, now) is not None

    def forget_places(self) -> None:
        """Whoever is not in the room has to be let in anew."""
        self.places.close_room()
        for member in self.members.values():
            member.admitted_until = 0.0

    # Consent to video

    def ask_video_consent(self) -> None:
        """From now on cameras come in only after their owners' consent: those that are there without it go."""
        self.video_consent.needed = True
        self.state = replace(self.state, video_consent=True)
        self._emit(RoomChanged(self.id, self.state))
        for member in self.members.values():
            self.sources.stop_camera_without_consent(member)

    def pin(self, participant_id: str | None) -> None:
        """Everybody is to see this one best from now on, or whom they like."""
        self.state = replace(self.state, pinned=participant_id)
        self._emit(RoomChanged(self.id, self.state))

    def tell_update(self, member: Member, before: Participant) -> None:
        """Tells how a member is now, if that differs from `before`."""
        after = member.snapshot(self.id)
        # Sources have events of their own.
        if replace(before, sources=()) != replace(after, sources=()):
            self._emit((WaitingUpdated if member.waiting else ParticipantUpdated)(self.id, after))

    # Inside

    def _come(self, request: JoinRequest, order: int, now: float) -> Session:
        place = self.places.find(request.identity, now)
        if self.state.locked and place is None and not request.service and Grant.HOST not in request.grants:
            raise RoomError("room_locked", "The room is locked.", field="room", hint="A host has to unlock it.")
        waiting = self._waits(request, place, now)
        asked = not waiting and self._must_be_asked(request)
        if not waiting:
            self.check_space(0 if request.service else 1)
        elif len(self.members) - self.count_inside() >= self._limits.max_waiting:
            raise RoomError("lobby_full", "As many wait already as may.", field="room")
        self.places.take(request.identity)
        rank = order if place is None else place.rank
        tokens = {} if place is None else place.tokens
        session = self._join_anew(request, order, waiting=waiting or asked, place=rank, tokens=tokens, now=now)
        member = self._by_identity[request.identity]
        if asked:
            self.let_in(member, now)
        elif waiting and place is not None:
            member.held_back, member.admitted_until = place.held_back, place.admitted_until
        return session

    def _must_be_asked(self, request: JoinRequest) -> bool:
        return request.consents and self.consent.request is not None and not self.consent.has(request.identity)

    def _waits(self, request: JoinRequest, place: Place | None, now: float) -> bool:
        if self.is_queue:
            return True
        if place is not None and place.held_back:
            return True
        if request.enters is Entrance.DIRECT or request.identity in self.handed:
            return False
        if self.has_host():
            return place is None or place.admitted_until <= now
        return self._policy.without_host is WithoutHost.WAIT

    def _join_anew(
        self,
        request: JoinRequest,
        order: int,
        *,
        waiting: bool,
        place: int,
        tokens: Mapping[str, float],
        by_lobby: bool | None = None,
        now: float,
    ) -> Session:
        member = Member.of(request, self._new_token(PARTICIPANT_ID_BYTES), order, waiting=waiting, place=place)
        member.tokens.update(tokens)
        if by_lobby is not None:
            member.by_lobby = by_lobby
        self.outcome = EndReason.EMPTY
        self.members[member.id] = member
        self._by_identity[member.identity] = member
        session = self._add_session(member, request, now)
        if waiting:
            self.lobby.newcomer(member, now)
        self._emit((WaitingJoined if waiting else ParticipantJoined)(self.id, member.snapshot(self.id)))
        return session

    def _add_session(self, member: Member, request: JoinRequest, now: float) -> Session:
        handed = frozenset({Grant.HOST.value}) if member.identity in self.handed else frozenset[str]()
        session = Session(
            id=self._new_token(SESSION_ID_BYTES),
            secret=self._new_token(SECRET_BYTES),
            room_id=self.id,
            participant_id=member.id,
            direction=request.direction,
            grants=request.grants | handed,
            connected=True,
            attachment=0,
            waiting=member.waiting,
        )
        if request.video_consent and not self.video_consent.needed:
            self.ask_video_consent()
        member.sessions[session.id] = session
        member.remember_token(request.token_id, now + request.token_lifetime)
        member.invited = member.invited or request.token_id in self.invited
        self._by_session[session.id] = member
        return session

    def _drop_session(self, member: Member, session_id: str, reason: EndReason) -> None:
        self.sources.drop_all(member, session_id=session_id)
        del member.sessions[session_id], self._by_session[session_id]
        self._emit(SessionEnded(self.id, member.id, session_id, reason))

    def _drop_member(self, member: Member, reason: EndReason, now: float) -> None:
        del self.members[member.id], self._by_identity[member.identity]
        if reason in _MAY_COME_BACK:
            self.places.keep(member.identity, member.kept().left(now, self._policy.reentry).place())
        elif reason is not EndReason.REPLACED:
            self.handed.discard(member.identity)
        self._emit((WaitingLeft if member.waiting else ParticipantLeft)(self.id, member.id, reason))
        if self.state.pinned == member.id:
            self.pin(None)
