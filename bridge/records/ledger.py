"""Follows each call from its first participant to its end, and writes down what it came to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, Protocol

from bridge.audit import Detail, Entry
from bridge.observability.quality import Sample
from bridge.records.entries import SessionFacts, Stay, call_ended, session_ended, session_started
from bridge.records.measures import Gathered, SessionMeasures
from bridge.room import Admitted, Moved, RoomEvent, RoomOpened, RoomRecord, SentBack, Session, SessionEnded

if TYPE_CHECKING:
    from bridge.signaling.calls import JoinClaims


class SampledSession(Protocol):
    """The media of a session; see `bridge.sfu.MediaSession`."""

    @property
    def session_id(self) -> str:
        """The room's id of the session."""

    @property
    def samples(self) -> tuple[Sample | None, Sample | None]:
        """What it sends and what it receives, by the sample at hand."""


@dataclass
class _Session:
    room_id: str
    facts: SessionFacts
    stay: Stay
    measures: SessionMeasures = field(default_factory=SessionMeasures)
    reduced: set[int] = field(default_factory=set)
    """Videos that the line is too weak for now."""
    reduced_since: float = 0.0
    reduced_seconds: float = 0.0


@dataclass
class _Call:
    id: str
    started: int
    sessions: int = 0
    score: Gathered = field(default_factory=Gathered)


class Ledger:
    """A room listener that also hears of sessions from `Calls` and of samples from `QualitySampler`."""

    def __init__(
        self,
        append: Callable[[Entry], None],
        pseudonym: Callable[[str, str], str],
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        """`pseudonym(tenant, identity)` stands in for an identity.

        `clock` is the rooms', `wall_clock` gives seconds since the epoch.
        """
        self._append = append
        self._pseudonym = pseudonym
        self._clock = clock
        self._wall_clock = wall_clock
        self._calls: dict[str, _Call] = {}
        self._sessions: dict[str, _Session] = {}

    def __call__(self, event: RoomEvent) -> None:
        """Follows a room."""
        match event:
            case RoomOpened(room_id=room_id):
                self._calls[room_id] = _Call(token_urlsafe(12), self._wall_time())
            case Moved(session_ids=moved, to=to):
                for session_id in moved:
                    if session_id in self._sessions:
                        self._sessions[session_id].room_id = to
            case Admitted(participant_id=who) | SentBack(participant_id=who):
                for session in self._sessions.values():
                    if session.facts.participant == who:
                        session.stay.moves(self._clock(), waits=isinstance(event, SentBack))
            case SessionEnded(session_id=session_id, reason=reason):
                ended = self._sessions.pop(session_id, None)
                if ended is not None:
                    self._write_session(ended, reason.value)
            case _:
                pass

    def on_opened(self, session: Session, claims: JoinClaims, door: str) -> None:
        """A client has joined, or waits in the lobby."""
        facts = SessionFacts(
            # Its own id opens it.
            token_urlsafe(12),
            session.participant_id,
            self._pseudonym(claims.tenant, claims.identity),
            claims.identity,
            claims.role,
            claims.level,
            door,
            self._wall_time(),
        )
        stay = Stay(self._clock(), session.waiting)
        self._sessions[session.id] = _Session(session.room_id, facts, stay)
        call = self._calls[session.room_id]
        self._append(session_started(session.room_id, call.id, facts))

    def on_stalled(self, session_id: str, *, to_bridge: bool) -> None:
        """Media of a session stopped without anyone asking for it: to the bridge, or from it."""
        session = self._sessions.get(session_id)
        if session is not None:
            direction = session.measures.sent if to_bridge else session.measures.received
            direction.stalls += 1

    def on_video_reduced(self, session_id: str, source_id: int, reduced: bool) -> None:
        """The line of a session is too weak for more than still pictures of a video, or no longer is."""
        session = self._sessions.get(session_id)
        if session is None:
            return
        if session.reduced:
            session.reduced_seconds += self._clock() - session.reduced_since
        session.reduced_since = self._clock()
        (session.reduced.add if reduced else session.reduced.discard)(source_id)

    def on_sampled(self, media: SampledSession, stats: Mapping[str, Any]) -> None:
        """A session's media was looked at."""
        session = self._sessions.get(media.session_id)
        if session is not None:
            session.measures.add(stats, *media.samples)

    def on_room_record(self, record: RoomRecord) -> None:
        """A room has closed, after its sessions."""
        call = self._calls.pop(record.room_id)
        scores: dict[str, Detail] = {}
        if call.score.count:
            scores = {"mos": round(call.score.mean, 2), "mos_min": round(call.score.least, 2)}
        self._append(call_ended(record, call.id, started=call.started, sessions=call.sessions, more=scores))

    def _wall_time(self) -> int:
        return round(self._wall_clock() * 1e6)

    def _write_session(self, session: _Session, reason: str) -> None:
        stay = session.stay
        stay.moves(self._clock(), waits=stay.waits)
        if session.reduced:
            session.reduced_seconds += self._clock() - session.reduced_since
        measures: dict[str, Detail] = {**session.measures.summary(stay.inside)}
        if session.measures.received.codecs:
            measures["received_reduced_seconds"] = round(session.reduced_seconds, 1)
        call = self._calls[session.room_id]
        call.sessions += 1
        for direction in (session.measures.sent, session.measures.received):
            if direction.score.count:
                call.score.add(direction.score.mean)
        self._append(
            session_ended(
                session.room_id,
                call.id,
                session.facts,
                reason,
                waited=stay.waited,
                inside=stay.inside,
                more=measures,
            )
        )
