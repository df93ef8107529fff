"""All calls of this bridge: the way in for every door, and what happens to calls when rooms change."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from bridge.errors import BridgeError
from bridge.room import (
    Direction,
    Entrance,
    JoinRequest,
    Moved,
    RoomEvent,
    RoomOpened,
    Rooms,
    SessionEnded,
    SourceRemoved,
    SourceUpdated,
)
from bridge.sfu import View
from bridge.signaling.calls.call import Call
from bridge.signaling.calls.join_rate import JoinRate
from bridge.signaling.calls.notices import Notice
from bridge.signaling.calls.ports import (
    CallObserver,
    Door,
    Inviter,
    JoinClaims,
    Keeper,
    MediaPlane,
    Recorder,
    SessionObserver,
    SilentObserver,
    SilentSessionObserver,
    TokenRenewal,
    TokenVerifier,
)
from bridge.signaling.calls.recording import RecordingControl
from bridge.signaling.calls.source_table import SourceTable
from bridge.signaling.calls.stills import StillNotices

_log = logging.getLogger(__name__)

Denial = Callable[[JoinClaims, Door, BridgeError], None]

_DIRECTIONS = {Door.WEBSOCKET: Direction.BOTH, Door.WHIP: Direction.PUBLISH, Door.WHEP: Direction.SUBSCRIBE}


@dataclass(frozen=True, slots=True)
class CallSettings:
    """How long calls wait, in seconds."""

    connect_timeout: float = 30.0
    """For the media of a WHIP or WHEP client to come up."""
    media_grace: float = 10.0
    """For a client without signalling whose media consent ran out to come back."""


class Calls:
    """The calls of one bridge. Lives on one event loop, which also drives the deadlines of `rooms` from here."""

    def __init__(
        self,
        verifier: TokenVerifier,
        rooms: Rooms,
        media: MediaPlane,
        *,
        settings: CallSettings | None = None,
        observer: CallObserver | None = None,
        recorder: Recorder | None = None,
        inviter: Inviter | None = None,
        renewal: TokenRenewal | None = None,
        keeper: Keeper | None = None,
        on_denied: Denial | None = None,
        sessions: SessionObserver | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` is the one that `rooms` has; with a `recorder`, they were made with `can_record`.

        `inviter` makes links for those in a call, `renewal` fresh tokens; `on_denied` is told who was not let in
        although the token was good, and why; `sessions` of each that is. `keeper` keeps what outlives the bridge.
        """
        self.verifier = verifier
        self.rooms = rooms
        self.media = media
        self.settings = settings or CallSettings()
        self.observer = observer or SilentObserver()
        self.clock = clock
        self.inviter = inviter
        self.renewal = renewal
        self._keeper = keeper
        self._on_denied = on_denied
        self.session_observer: SessionObserver = sessions or SilentSessionObserver()
        self.table = SourceTable()
        self._join_rate = JoinRate(clock)
        self._by_session: dict[str, Call] = {}
        self._claims: dict[str, JoinClaims] = {}
        """What those in a call came by, by session."""
        self._by_room: dict[str, dict[str, Call]] = {}
        self._changed_rooms: dict[str, bool] = {}
        """Whether what anybody receives may be another, or only how a source is shown."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        rooms.add_listener(self._on_room_event)
        rooms.add_listener(StillNotices(self._tell_session))
        if recorder is not None:
            rooms.add_listener(RecordingControl(recorder))

    def __len__(self) -> int:
        return len(self._by_session)

    # The way in

    async def verify(self, token: str, *, room: str | None = None) -> JoinClaims:
        """What a token says. Raises `BridgeError`; `room`, if given, must be the token's."""
        return await self.verifier.verify(token, room=room)

    def count_join(self, claims: JoinClaims) -> None:
        """To be called before `join`, and before any limit that all clients share. Raises `rate_limited`."""
        self._join_rate.count(claims)

    def join(self, claims: JoinClaims, door: Door, *, subscribe: bool = True) -> Call:
        """Lets a client in, or into the lobby (`Call.waiting`).

        Does not yield to the event loop: nothing is missed between this and `Call.attach`.

        Raises `BridgeError`: as `Rooms.join` does, or `media_overloaded`.
        """
        try:
            return self._let_in(claims, door, subscribe=subscribe)
        except BridgeError as refusal:
            if self._on_denied is not None:
                self._on_denied(claims, door, refusal)
            raise

    def _let_in(self, claims: JoinClaims, door: Door, *, subscribe: bool) -> Call:
        session = self.rooms.join(
            JoinRequest(
                tenant=claims.tenant,
                room=claims.room,
                identity=claims.identity,
                name=claims.name,
                role=claims.role,
                grants=claims.grants,
                direction=_DIRECTIONS[door],
                enters=Entrance(claims.enters),
                level=claims.level,
                may_host=claims.may_host,
                consents=claims.consents,
                consent_by_vendor=claims.consent_by_vendor,
                video_consent=claims.video_consent,
                starts_in=claims.starts_in,
                ends_in=claims.ends_in,
                token_id=claims.token_id,
                token_lifetime=claims.lifetime,
            )
        )
        try:
            view = None if claims.view is None else View(claims.view)
            call = Call(self, session, door, subscribe=subscribe, view=view)
        except BridgeError:
            self.rooms.leave(session.id)
            raise
        finally:
            self.arm()
        self._by_session[session.id] = call
        self._claims[session.id] = claims
        self._by_room.setdefault(session.room_id, {})[session.id] = call
        self.observer.on_joined(door)
        self.session_observer.on_opened(session, claims, door.value)
        self._schedule_follow(session.room_id)
        return call

    def resume(self, session_id: str, secret: str) -> Call:
        """Gives a call to a new connection of its client. Raises `BridgeError` (`session_not_found`)."""
        session = self.rooms.resume(session_id, secret)
        self.arm()
        call = self._by_session[session.id]
        call.resumed(session)
        self.observer.on_resumed()
        return call

    def renew_token(self, session_id: str) -> str | None:
        """A fresh token for the owner of a session to join anew with; None where there is none to be had."""
        claims = self._claims.get(session_id)
        return None if claims is None or self.renewal is None else self.renewal.renew(claims)

    async def settled(self) -> None:
        """Returns when what was decided so far is kept: what was acknowledged outlives the bridge."""
        if self._keeper is not None:
            await self._keeper.settled()

    async def close(self) -> None:
        """Ends every call with a notice, and lets nobody in any more. Returns when all media is let go of."""
        self.rooms.close()
        if self._timer is not None:
            self._timer.cancel()
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    # For calls

    def resume_silent(self, call: Call) -> None:
        """The media of a client without signalling came back: so did the client."""
        call.resumed(self.rooms.resume(call.session.id, call.session.secret))
        self.arm()

    def in_room(self, room_id: str) -> tuple[Call, ...]:
        """The calls of a room, those in its lobby left out."""
        return tuple(call for call in self._by_room.get(room_id, {}).values() if not call.waiting)

    def producer_of(self, source_id: int) -> int | None:
        """The producer that carries a source; None if none does (any more)."""
        carried = self.table.of_source(source_id)
        return None if carried is None else carried.producer_id

    def tell_room(self, room_id: str, notice: Notice) -> None:
        """Tells every call in a room, those in its lobby left out."""
        for call in self.in_room(room_id):
            call.tell(notice)

    def _tell_session(self, session_id: str, notice: Notice) -> None:
        call = self._by_session.get(session_id)
        if call is not None:
            call.tell(notice)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs something in the background; what fails is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)

    def log_refusal(self, what: str, error: BridgeError) -> None:
        """Notes that something was refused that no request asked for."""
        _log.info("Refused", extra={"what": what, "code": error.code})

    def arm(self) -> None:
        """Sees to it that the rooms' next deadline is kept. To be called after each change that may set one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.rooms.poll_timeout()
        if due is not None:
            delay = max(0.0, due - self.clock())
            self._timer = asyncio.get_running_loop().call_later(delay, self._on_timer)

    # What happens

    def _on_timer(self) -> None:
        self._timer = None
        self.rooms.handle_timeout()
        self.arm()

    def _on_room_event(self, event: RoomEvent) -> None:
        if isinstance(event, SessionEnded):
            self._end(event)
        elif isinstance(event, SourceRemoved):
            self.table.remove(event.source.id)
        elif isinstance(event, Moved):
            self._move(event)
        for call in list(self._by_room.get(event.room_id, {}).values()):
            call.handle_room_event(event)
        if not isinstance(event, RoomOpened):
            self._schedule_follow(event.room_id, received=not isinstance(event, SourceUpdated))
        if not isinstance(event, RoomOpened | SourceUpdated):
            # Those in a queue see whether doctors are there; these see who waits.
            for related in self.rooms.queues.related(event.room_id):
                self._schedule_follow(related)

    def _move(self, event: Moved) -> None:
        """Somebody of a queue belongs to a room from now on, before they are let in there."""
        for session_id in event.session_ids:
            self._by_room.setdefault(event.to, {})[session_id] = self._forget_in_room(event.room_id, session_id)

    def _forget_in_room(self, room_id: str, session_id: str) -> Call:
        in_room = self._by_room[room_id]
        call = in_room.pop(session_id)
        if not in_room:
            del self._by_room[room_id]
        return call

    def _end(self, event: SessionEnded) -> None:
        call = self._by_session.pop(event.session_id, None)
        if call is None:
            return
        del self._claims[event.session_id]
        self._forget_in_room(event.room_id, event.session_id)
        self.observer.on_ended(call.door, event.reason.value)
        call.end(event.reason)

    def _schedule_follow(self, room_id: str, *, received: bool = True) -> None:
        """Gathers the changes of this turn of the event loop: a client that leaves with three sources is one change."""
        if not self._changed_rooms:
            asyncio.get_running_loop().call_soon(self._follow)
        self._changed_rooms[room_id] = received or self._changed_rooms.get(room_id, False)

    def _follow(self) -> None:
        changed, self._changed_rooms = self._changed_rooms, {}
        for room_id, received in changed.items():
            calls = self._by_room.get(room_id, {}).values() if received else ()
            for call in list(calls):
                self._attempt("follow", call.follow)
            # The room's media is one: any of its calls may say so.
            inside = next((call for call in self.in_room(room_id) if not call.waiting), None)
            if inside is not None:
                self._attempt("hear_interpreters", inside.hear_interpreters)
                self._attempt("show_parties", inside.show_parties)

    def _attempt(self, what: str, act: Callable[[], None]) -> None:
        try:
            act()
        except BridgeError as error:
            self.log_refusal(what, error)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("A call's background work failed", exc_info=error)
