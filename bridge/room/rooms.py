"""All rooms of this bridge: the way in, the limits, and what happens when nobody does anything (grace and linger)."""

from __future__ import annotations

import hmac
import itertools
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Unpack

from bridge.room.appointments import ClosingTimes, check_times
from bridge.room.bans import Bans
from bridge.room.consent_answers import ConsentAnswers, VendorConsents
from bridge.room.deadlines import Deadlines
from bridge.room.errors import RoomError, session_not_found
from bridge.room.events import Moved, RoomClosed, RoomEvent, RoomListener, RoomOpened, SessionEnded
from bridge.room.intake import Intake
from bridge.room.inviting import Inviting
from bridge.room.keeping import Keeping
from bridge.room.ledger import Ledger
from bridge.room.listeners import Listeners
from bridge.room.member import Member
from bridge.room.model import (
    ChatMessage,
    ConsentRequest,
    EndReason,
    JoinRequest,
    LobbyView,
    MediaKind,
    Participant,
    Proposal,
    RoomLimits,
    RoomPolicy,
    RoomState,
    Session,
    Source,
    SourceChange,
    SourceName,
    room_id,
)
from bridge.room.moderation import Moderation
from bridge.room.owner import Owner
from bridge.room.participation import Participation
from bridge.room.queues import Queues, QueueView
from bridge.room.room import Room
from bridge.room.stills import Stills


class Rooms:
    """The rooms of one bridge. Not thread-safe: one event loop owns it.

    Time is read from `clock` (seconds, never going back) by every method. Whoever owns the loop calls
    `handle_timeout()` when `poll_timeout()` says so; a deadline that has passed counts at once all the same, even if
    that call is late.
    """

    def __init__(
        self,
        limits: RoomLimits,
        policy: RoomPolicy | None = None,
        *,
        can_record: bool = False,
        ledger: Ledger | None = None,
        clock: Callable[[], float] = time.monotonic,
        new_token: Callable[[int], str] = secrets.token_urlsafe,
    ) -> None:
        """`new_token(bytes)` makes unguessable ids and secrets of that much randomness.

        `can_record`: whether a listener records when `RoomState.recording` says so. `ledger`: no room opens without.
        """
        self._limits = limits
        self._policy = policy or RoomPolicy()
        self._ledger = ledger
        self._can_record = can_record
        self._clock = clock
        self._new_token = new_token
        self._rooms: dict[str, Room] = {}
        self._rooms_of_tenant: Counter[str] = Counter()
        self._room_of_session: dict[str, Room] = {}
        self._grace = Deadlines(limits.grace)
        self._linger = Deadlines(limits.linger)
        self._absence = Deadlines(self._policy.host_absence)
        self._closing = ClosingTimes(self._policy.max_length)
        self._bans = Bans()
        self._orders = itertools.count(1)
        self._source_ids = itertools.count(1)
        self._listeners = Listeners()
        self._closed = False
        self._changed: dict[str, None] = {}
        new_id = itertools.count(1).__next__
        self.moderation = Moderation(self, self._emit, self._bans, clock, new_id)
        """What hosts decide."""
        self.queues = Queues(self._rooms, lambda room, identity: self.keeping.expects(room, identity))
        self.keeping = Keeping(self._rooms, self.queues, self._closing, self._bans, clock, self._policy.reentry)
        """What outlives this bridge."""
        self.intake = Intake()
        """Whether new calls are taken."""
        self.inviting = Inviting(self, self._emit, clock, new_id)
        """What hosts and others do to have somebody invited."""
        answers = ConsentAnswers(self._emit)
        self.vendor_consents = VendorConsents(self, answers)
        """What vendors' systems hand in."""
        self.participation = Participation(self, answers, self._emit, clock, new_id, new_token, can_record=can_record)
        """What participants do besides sending media."""
        self.owner = Owner(self, self.queues, self.keeping, self._bans, clock, self._close)
        """What the vendor that owns a room decides."""
        self.stills = Stills(self, self._emit, clock, new_token)
        """Still pictures that somebody asks for."""

    # What is there

    def room_ids(self) -> list[str]:
        """Ids of all rooms, oldest first; a room that lingers empty is one of them."""
        return list(self._rooms)

    def __contains__(self, room: object) -> bool:
        """Whether a room of that id is there."""
        return room in self._rooms

    def participants(self, room: str) -> list[Participant]:
        """Who is in a room, in order of joining; empty for a room that is not there. Nobody of its lobby."""
        found = self._rooms.get(room)
        return [] if found is None else list(found)

    def waiting(self, room: str) -> list[Participant]:
        """Who is in a room's lobby, the next one first. For hosts only."""
        found = self._rooms.get(room)
        return [] if found is None else found.waiting()

    def state(self, room: str) -> RoomState:
        """What holds for a room as a whole."""
        found = self._rooms.get(room)
        return RoomState() if found is None else found.state

    def participant_count(self) -> int:
        """Participants in all rooms together, their lobbies left out."""
        return sum(room.count_inside() for room in self._rooms.values())

    def service_count(self) -> int:
        """Those of them that the bridge itself has in rooms, such as recorders."""
        return sum(each.service for room in self._rooms.values() for each in room.members.values())

    def waiting_count(self) -> int:
        """Those in all lobbies together."""
        return sum(len(room) for room in self._rooms.values()) - self.participant_count()

    def participant(self, session_id: str) -> Participant:
        """Whose session it is. Raises `RoomError` (`session_not_found`)."""
        room = self._room(session_id)
        return room.member(session_id).snapshot(room.id)

    def lobby(self, session_id: str) -> LobbyView | None:
        """What a session that waits may know; None for one in the room. Raises `RoomError` (`session_not_found`)."""
        room = self._room(session_id)
        queue = self.queues.get(room.id)
        now = self._clock()
        taking = [self._rooms[each] for each in ([room.id] if queue is None else queue.rooms) if each in self._rooms]
        rests = [each.lobby.rest(each.members.values(), now) for each in taking if each.has_host()]
        return room.view_of_lobby(session_id, now, rests)

    def hosted(self, rooms: Sequence[str]) -> int:
        """In how many of these rooms there is a host."""
        return sum(each in self._rooms and self._rooms[each].has_host() for each in rooms)

    def queued(self, room: str) -> tuple[QueueView, ...]:
        """Who waits in the queues that a room takes from. For its hosts only."""
        return self.queues.views(room)

    def session(self, session_id: str) -> Session:
        """A session as it is now. Raises `RoomError` (`session_not_found`)."""
        return self._room(session_id).session(session_id)

    def chat(self, session_id: str) -> tuple[ChatMessage, ...]:
        """What was written to a session's owner so far. Raises `RoomError` (`session_not_found`)."""
        room = self._room(session_id)
        return room.chat.told(room.member(session_id).identity)

    def video_consent(self, session_id: str) -> bool | None:
        """What a session's owner has answered, asked to consent to video; None for nothing yet."""
        room = self._room(session_id)
        return room.video_consent.given(room.member(session_id).identity)

    def proposals(self, session_id: str) -> tuple[Proposal, ...]:
        """What waits for a host's decision in a session's room. Raises `RoomError` (`session_not_found`)."""
        return tuple(self._room(session_id).proposals.values())

    def consent(self, session_id: str) -> tuple[ConsentRequest, bool] | None:
        """The recording that a session's owner is asked to consent to, and whether they did; None if they are not."""
        room = self._room(session_id)
        member, request = room.member(session_id), room.consent.request
        if request is None or not member.consents or (member.waiting and not member.consent_pending):
            return None
        return request, room.consent.has(member.identity)

    # What may happen

    def add_listener(self, listener: RoomListener) -> None:
        """Tells `listener` every event from now on, after those who came before it."""
        self._listeners.add(listener)

    def remove_listener(self, listener: RoomListener) -> None:
        """Tells `listener` nothing further."""
        self._listeners.remove(listener)

    def join(self, request: JoinRequest) -> Session:
        """Lets someone in, or into the lobby (`Session.waiting`), opening the room if need be.

        An older session of the same identity and direction ends with reason `replaced`; with its last session the
        older participant leaves for the same reason, unless it waits: then it keeps its place and its id. Raises
        `RoomError`: `invalid_room`, `room_full`, `lobby_full`, `room_locked`, `banned`, `too_many_rooms`,
        `records_unavailable`, `draining`, `shutting_down`, `consent_impossible`.
        """
        self._expire()
        if self._closed:
            raise RoomError("shutting_down", "The bridge is shutting down.", hint="Join again in a moment.")
        key = room_id(request.tenant, request.room)
        if self._bans.holds(request.tenant, request.token_id, self._clock()):
            raise RoomError("banned", "A host took the owner of this token out.", hint="Ask for a new invitation.")
        closes_at = check_times(request, self._policy, self._clock())
        if (queue := self.queues.get(key)) is not None:
            key = self.queues.way_from(queue, request)
        room = self._rooms.get(key)
        self.intake.check(room, expected=self.keeping.expects(key, request.identity))
        if room is None:
            room = self._open(key, request.tenant)
        if not room.is_queue:
            self._closing.appoint(key, closes_at)
        session = room.join(request, next(self._orders), self._clock())
        self._room_of_session[session.id] = room
        self._tell()
        return session

    def disconnect(self, session_id: str, attachment: int) -> None:
        """The signalling connection of a session is gone: it has the grace period to be resumed.

        Ignored when the session has ended, or was resumed since by a connection with a later `attachment`.
        """
        self._expire()
        room = self._room_of_session.get(session_id)
        if room is None:
            return
        session = room.session(session_id)
        if session.connected and session.attachment == attachment:
            room.disconnect(session_id)
            self._grace.start(session_id, self._clock())
            self._tell()

    def resume(self, session_id: str, secret: str) -> Session:
        """A new connection takes the session over, from a lost connection or from one that only seems alive.

        Raises `RoomError` (`session_not_found`), the same for a wrong secret as for a session that is not there.
        """
        self._expire()
        room = self._room_of_session.get(session_id)
        if room is None or not hmac.compare_digest(room.session(session_id).secret.encode(), secret.encode()):
            raise session_not_found()
        self._grace.cancel(session_id)
        session = room.connect(session_id)
        self._tell()
        return session

    def leave(self, session_id: str, reason: EndReason = EndReason.LEFT) -> None:
        """Ends a session, and with its last one the participant. Ignored when it has ended already."""
        self._expire()
        room = self._room_of_session.get(session_id)
        if room is not None:
            self._end_session(room, session_id, reason)
            self._tell()

    def add_source(self, session_id: str, name: SourceName, kind: MediaKind, *, muted: bool = False) -> Source:
        """A participant begins to send.

        Raises `RoomError`: `session_not_found`, and as `Sources.add` does.
        """
        self._expire()
        source = Source(next(self._source_ids), session_id, name, kind, muted)
        room = self._room(session_id)
        room.sources.add(room.member(session_id), source)
        self._tell()
        return source

    def update_source(self, session_id: str, source_id: int, **change: Unpack[SourceChange]) -> Source:
        """Mutes, unmutes, or switches a source. Raises `RoomError`: as `add_source`, and `source_not_found`."""
        self._expire()
        room = self._room(session_id)
        source = room.sources.update(room.member(session_id), session_id, source_id, change)
        self._tell()
        return source

    def remove_source(self, session_id: str, source_id: int) -> None:
        """A participant stops sending. Raises `RoomError`: `session_not_found`, `source_not_found`."""
        self._expire()
        room = self._room(session_id)
        room.sources.remove(room.member(session_id), session_id, source_id)
        self._tell()

    def close(self) -> None:
        """Ends every session with reason `shutting_down`, closes every room and lets nobody in any more."""
        self._closed = True
        for room in list(self._rooms.values()):
            for session_id in room.session_ids():
                self._end_session(room, session_id, EndReason.SHUTTING_DOWN)
            self._close(room, EndReason.SHUTTING_DOWN)
        self._tell()

    # What happens by itself

    def poll_timeout(self) -> float | None:
        """When, by the clock, `handle_timeout` has something to do next; None while nothing is due."""
        ahead = [deadlines.next() for deadlines in (self._grace, self._linger, self._absence, self._closing)]
        return min((due for due in (*ahead, self.stills.next_due()) if due is not None), default=None)

    def handle_timeout(self) -> None:
        """Ends sessions not resumed in time, and rooms that are empty or over; clears those without a host."""
        self._expire()

    def _expire(self) -> None:
        now = self._clock()
        while (session_id := self._grace.pop_due(now)) is not None:
            self._end_session(self._room_of_session[session_id], session_id, EndReason.TIMED_OUT)
        while (key := self._linger.pop_due(now)) is not None:
            room = self._rooms[key]
            if room.outcome is EndReason.EMPTY and self.keeping.holds(key):
                # Those who were in it when the bridge before this one was killed are still on their way.
                self._linger.start(key, now)
            else:
                self._close(room, room.outcome)
        while (key := self._absence.pop_due(now)) is not None:
            self._rooms[key].clear(now)
        while (key := self._closing.pop_due(now)) is not None:
            for session_id in self._rooms[key].session_ids():
                self._end_session(self._rooms[key], session_id, EndReason.TIME_IS_UP)
            self._close(self._rooms[key], EndReason.TIME_IS_UP)
        self.stills.expire(now)
        self._tell()

    # For those of this package that change rooms

    def begin(self, session_id: str) -> Room:
        """The session's room, with all that was due having happened. Raises `RoomError` (`session_not_found`)."""
        self._expire()
        return self._room(session_id)

    def queue_of(self, room: Room, queue_id: str | None) -> Room:
        """Where those wait whom a room takes from a queue, from the only one where none is named.

        Raises `RoomError`: `queue_not_found`, `queue_empty`.
        """
        return self.queues.place_of(room.id, queue_id)

    def move(self, member: Member, source: Room, target: Room) -> None:
        """Someone who waits in a queue waits in one of its rooms from now on."""
        source.release(member)
        for session_id in member.sessions:
            self._room_of_session[session_id] = target
        self._emit(Moved(source.id, member.id, target.id, tuple(member.sessions)))
        target.adopt(member, self._clock())
        self.queues.note_taken(source.id, member.identity, target.id)

    def look_up(self, room_id: str) -> Room | None:
        """A room by its id, with all that was due having happened; None if it is not there."""
        self._expire()
        return self._rooms.get(room_id)

    def finish(self) -> None:
        """Tells what has happened."""
        self._tell()

    # Inside

    def _room(self, session_id: str) -> Room:
        room = self._room_of_session.get(session_id)
        if room is None:
            raise session_not_found()
        return room

    def _open(self, key: str, tenant: str) -> Room:
        if self._ledger is not None and not self._ledger.writable:
            raise RoomError(
                "records_unavailable",
                "No new room can be opened: the bridge cannot keep its records at the moment.",
                hint="Calls that run go on. Try again in a moment.",
            )
        if len(self._rooms) >= self._limits.max_rooms:
            raise RoomError("too_many_rooms", "The bridge has as many rooms as it may have.", field="room")
        if self._rooms_of_tenant[tenant] >= self._limits.max_rooms_per_tenant:
            raise RoomError("too_many_rooms", "This vendor has as many rooms as it may have.", field="room")
        room = Room(
            key,
            tenant,
            self._emit,
            self._new_token,
            self._limits,
            self._policy,
            recordable=self._can_record,
            is_queue=key in self.queues,
        )
        self._rooms[key] = room
        if not room.is_queue:
            # A queue is no consultation: around the clock somebody may be waiting in it.
            self._closing.open(key, self._clock())
        self._rooms_of_tenant[tenant] += 1
        self.keeping.restore(room)
        self._emit(RoomOpened(key))
        return room

    def _end_session(self, room: Room, session_id: str, reason: EndReason) -> None:
        room.end_session(session_id, reason, self._clock())

    def _close(self, room: Room, reason: EndReason) -> None:
        self._linger.cancel(room.id)
        self._absence.cancel(room.id)
        self._closing.forget(room.id)
        self.keeping.forget(room.id)
        self._changed.pop(room.id, None)
        del self._rooms[room.id]
        self._rooms_of_tenant[room.tenant] -= 1
        if not self._rooms_of_tenant[room.tenant]:
            del self._rooms_of_tenant[room.tenant]
        self._emit(RoomClosed(room.id, reason))

    def _emit(self, event: RoomEvent) -> None:
        # A session may end inside a room (replaced) as well as by our doing: its traces here go with the event.
        if isinstance(event, SessionEnded):
            del self._room_of_session[event.session_id]
            self._grace.cancel(event.session_id)
        self._listeners.note(event)
        self._changed[event.room_id] = None
        self.stills.follow(event)

    def _settle(self) -> None:
        """Sets the deadlines that follow from who is where now."""
        for key in list(self._changed):
            room = self._rooms.get(key)
            if room is None:
                continue
            room.settle(self._clock())
            if len(room) > 0:
                self._linger.cancel(key)
            elif key not in self._linger:
                self._linger.start(key, self._clock())
            if not room.lacks_host():
                self._absence.cancel(key)
            elif key not in self._absence:
                self._absence.start(key, self._clock())
        self._changed.clear()

    def _tell(self) -> None:
        self._settle()
        self._listeners.tell()
