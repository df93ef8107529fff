"""All rooms of this bridge: the way in, the limits, and what happens when nobody does anything (grace and linger)."""

from __future__ import annotations

import hmac
import itertools
import logging
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable

from bridge.room.deadlines import Deadlines
from bridge.room.errors import RoomError
from bridge.room.events import RoomClosed, RoomEvent, RoomListener, RoomOpened, SessionEnded
from bridge.room.model import (
    EndReason,
    JoinRequest,
    MediaKind,
    Participant,
    RoomLimits,
    Session,
    Source,
    SourceName,
    room_id,
)
from bridge.room.room import Room

_log = logging.getLogger(__name__)


class Rooms:
    """The rooms of one bridge. Not thread-safe: one event loop owns it.

    Time is read from `clock` (seconds, never going back) by every method. Whoever owns the loop calls
    `handle_timeout()` when `poll_timeout()` says so; a deadline that has passed counts at once all the same, even if
    that call is late.
    """

    def __init__(
        self,
        limits: RoomLimits,
        *,
        clock: Callable[[], float] = time.monotonic,
        new_token: Callable[[int], str] = secrets.token_urlsafe,
    ) -> None:
        """`new_token(bytes)` makes unguessable ids and secrets of that much randomness."""
        self._limits = limits
        self._clock = clock
        self._new_token = new_token
        self._rooms: dict[str, Room] = {}
        self._rooms_of_tenant: Counter[str] = Counter()
        self._room_of_session: dict[str, Room] = {}
        self._grace = Deadlines(limits.grace)
        self._linger = Deadlines(limits.linger)
        self._orders = itertools.count(1)
        self._source_ids = itertools.count(1)
        self._listeners: list[RoomListener] = []
        self._untold: deque[RoomEvent] = deque()
        self._telling = False
        self._closed = False

    # What is there

    def room_ids(self) -> list[str]:
        """Ids of all rooms, oldest first; a room that lingers empty is one of them."""
        return list(self._rooms)

    def participants(self, room: str) -> list[Participant]:
        """Who is in a room, in order of joining; empty for a room that is not there."""
        found = self._rooms.get(room)
        return [] if found is None else list(found)

    def participant_count(self) -> int:
        """Participants in all rooms together."""
        return sum(len(room) for room in self._rooms.values())

    def participant(self, session_id: str) -> Participant:
        """Whose session it is. Raises `RoomError` (`session_not_found`)."""
        return self._room(session_id).participant(session_id)

    def session(self, session_id: str) -> Session:
        """A session as it is now. Raises `RoomError` (`session_not_found`)."""
        return self._room(session_id).session(session_id)

    # What may happen

    def add_listener(self, listener: RoomListener) -> None:
        """Tells `listener` every event from now on, after those who came before it."""
        self._listeners.append(listener)

    def remove_listener(self, listener: RoomListener) -> None:
        """Tells `listener` nothing further."""
        self._listeners.remove(listener)

    def join(self, request: JoinRequest) -> Session:
        """Lets someone in, opening the room if need be.

        An older session of the same identity and direction ends with reason `replaced`; with its last session the
        older participant leaves for the same reason. Raises `RoomError`: `invalid_room`, `room_full`,
        `too_many_rooms`, `shutting_down`.
        """
        self._expire()
        if self._closed:
            raise RoomError("shutting_down", "The bridge is shutting down.", hint="Join again in a moment.")
        key = room_id(request.tenant, request.room)
        room = self._rooms.get(key)
        if room is None:
            room = self._open(key, request.tenant)
        session = room.join(request, next(self._orders), self._limits.max_participants)
        self._room_of_session[session.id] = room
        self._linger.cancel(key)
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
            raise _session_not_found()
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

        Raises `RoomError`: `session_not_found`, `wrong_kind`, `not_granted`, `too_many_sources`.
        """
        self._expire()
        source = Source(next(self._source_ids), session_id, name, kind, muted)
        self._room(session_id).add_source(session_id, source, self._limits.max_sources)
        self._tell()
        return source

    def update_source(
        self, session_id: str, source_id: int, *, name: SourceName | None = None, muted: bool | None = None
    ) -> Source:
        """Mutes, unmutes, or switches a source. Raises `RoomError`: as `add_source`, and `source_not_found`."""
        self._expire()
        source = self._room(session_id).update_source(session_id, source_id, name, muted)
        self._tell()
        return source

    def remove_source(self, session_id: str, source_id: int) -> None:
        """A participant stops sending. Raises `RoomError`: `session_not_found`, `source_not_found`."""
        self._expire()
        self._room(session_id).remove_source(session_id, source_id)
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
        return min((due for due in (self._grace.next(), self._linger.next()) if due is not None), default=None)

    def handle_timeout(self) -> None:
        """Ends sessions that were not resumed in time, and closes rooms that stayed empty."""
        self._expire()

    def _expire(self) -> None:
        now = self._clock()
        while (session_id := self._grace.pop_due(now)) is not None:
            self._end_session(self._room_of_session[session_id], session_id, EndReason.TIMED_OUT)
        while (key := self._linger.pop_due(now)) is not None:
            self._close(self._rooms[key], EndReason.EMPTY)
        self._tell()

    def _room(self, session_id: str) -> Room:
        room = self._room_of_session.get(session_id)
        if room is None:
            raise _session_not_found()
        return room

    def _open(self, key: str, tenant: str) -> Room:
        if len(self._rooms) >= self._limits.max_rooms:
            raise RoomError("too_many_rooms", "The bridge has as many rooms as it may have.", field="room")
        if self._rooms_of_tenant[tenant] >= self._limits.max_rooms_per_tenant:
            raise RoomError("too_many_rooms", "This vendor has as many rooms as it may have.", field="room")
        room = Room(key, tenant, self._emit, self._new_token)
        self._rooms[key] = room
        self._rooms_of_tenant[tenant] += 1
        self._emit(RoomOpened(key))
        return room

    def _end_session(self, room: Room, session_id: str, reason: EndReason) -> None:
        room.end_session(session_id, reason)
        if len(room) == 0:
            self._linger.start(room.id, self._clock())

    def _close(self, room: Room, reason: EndReason) -> None:
        self._linger.cancel(room.id)
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
        self._untold.append(event)

    def _tell(self) -> None:
        """Tells what has happened. A listener that calls back adds to the queue, which the outermost call empties."""
        if self._telling:
            return
        self._telling = True
        try:
            while self._untold:
                event = self._untold.popleft()
                for listener in list(self._listeners):
                    try:
                        listener(event)
                    except Exception:
                        # One listener's fault must neither hide the event from the others nor undo what happened.
                        _log.exception("A room listener failed", extra={"event": type(event).__name__})
        finally:
            self._telling = False


def _session_not_found() -> RoomError:
    return RoomError(
        "session_not_found",
        "There is no such session, or it has ended.",
        field="session",
        hint="Join again with a token.",
    )
