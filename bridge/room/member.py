"""A participant as its room keeps it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from bridge.room.grants import Entrance, Grant
from bridge.room.kept import KeptPlace
from bridge.room.model import Direction, JoinRequest, LobbyMessage, Participant, Session, Source

MAX_KEPT_MESSAGES = 10
"""Messages that are told anew to someone who waits and whose connection was lost. The oldest goes."""

MAX_TOKENS = 8
"""Tokens that one came by that are remembered. The oldest goes."""


@dataclass(slots=True)
class Member:
    """Someone in the room or in its lobby. It lives as long as it has a session."""

    id: str
    identity: str
    name: str
    role: str
    level: str
    order: int
    waiting: bool
    place: int
    """In the queue: the least is next. It stays the same when its owner comes back."""
    by_lobby: bool
    """Whether a host had to let them in: without one they wait again."""
    may_host: bool
    consents: bool
    consent_by_vendor: bool = False
    """Its vendor's system asks it, and hands its answers in."""
    sessions: dict[str, Session] = field(default_factory=dict)
    sources: dict[int, Source] = field(default_factory=dict)
    tokens: dict[str, float] = field(default_factory=dict)
    """Ids of the tokens it came by, and until when they live."""
    messages: deque[LobbyMessage] = field(default_factory=lambda: deque(maxlen=MAX_KEPT_MESSAGES))
    held_back: bool = False
    """A host sent it back: it has to be let in, whatever its token says."""
    consent_pending: bool = False
    """Let in, as soon as it consents to the recording; it waits until then."""
    asked: bool = False
    """In the room, and yet to answer whether it consents to the recording at hand."""
    invited: bool = False
    """By a link that was made in this room: for the call at hand, not for a consultation of its own."""
    consented_by_vendor: bool = False
    """A consent of its that counts now was handed in by its vendor's system."""
    hand_raised: bool = False
    companions: tuple[str, ...] = ()
    service: bool = False
    """Part of the bridge itself."""
    admitted_until: float = 0.0
    """While it waits though a host has let it in before: until when it enters as soon as a host is there."""
    delayed_until: float = 0.0
    """When a host means to have time for the one who waits, by what they were told alone."""

    @classmethod
    def of(cls, request: JoinRequest, member_id: str, order: int, *, waiting: bool, place: int) -> Member:
        """Someone as their token describes them, without a session yet."""
        return cls(
            id=member_id,
            identity=request.identity,
            name=request.name,
            role=request.role,
            level=request.level,
            order=order,
            waiting=waiting,
            place=place,
            by_lobby=request.enters is Entrance.LOBBY,
            may_host=request.may_host,
            consents=request.consents,
            consent_by_vendor=request.consent_by_vendor,
            service=request.service,
        )

    @property
    def grants(self) -> frozenset[str]:
        """What any of its sessions may do."""
        return frozenset[str]().union(*(session.grants for session in self.sessions.values()))

    @property
    def decides(self) -> bool:
        """Whether it is in the room and may let others in."""
        return not self.waiting and Grant.HOST in self.grants

    @property
    def can_answer(self) -> bool:
        """Whether it can be asked for consent: clients of WHIP and WHEP cannot, unless their vendor asks them."""
        return self.consent_by_vendor or any(session.direction is Direction.BOTH for session in self.sessions.values())

    def describe(self, request: JoinRequest) -> None:
        """Takes what a newer token says of it."""
        self.name, self.role, self.level = request.name, request.role, request.level
        self.may_host, self.consents = request.may_host, request.consents
        self.consent_by_vendor = request.consent_by_vendor

    def set_waiting(self, waiting: bool) -> None:
        """In the lobby, or in the room, with all its sessions."""
        self.waiting = waiting
        for session_id, session in self.sessions.items():
            self.sessions[session_id] = replace(session, waiting=waiting)

    def remember_token(self, token_id: str, until: float) -> None:
        """Notes a token that it came by, so that it can be banned with its owner."""
        if token_id:
            self.tokens[token_id] = until
        while len(self.tokens) > MAX_TOKENS:
            del self.tokens[next(iter(self.tokens))]

    def kept(self) -> KeptPlace:
        """Its place, for whoever keeps it."""
        inside = self.by_lobby and not self.waiting
        return KeptPlace(
            self.identity,
            self.place,
            until=None,
            admitted_until=None if inside else self.admitted_until,
            held_back=self.held_back,
            tokens=dict(self.tokens),
        )

    def snapshot(self, room_id: str) -> Participant:
        """As the others may see it."""
        return Participant(
            id=self.id,
            room_id=room_id,
            identity=self.identity,
            name=self.name,
            role=self.role,
            grants=self.grants,
            level=self.level,
            connected=any(session.connected for session in self.sessions.values()),
            order=self.order,
            sources=tuple(self.sources.values()),
            hand_raised=self.hand_raised,
            companions=self.companions,
            may_host=self.may_host,
            consent_pending=self.consent_pending or self.asked,
            consent_by_vendor=self.consent_by_vendor,
            consented_by_vendor=self.consented_by_vendor,
            service=self.service,
        )
