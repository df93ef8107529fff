"""The nouns of a room, as values: what `Rooms` hands out never changes under its reader.

Names and identities belong to persons, and secrets open sessions: all three are kept out of `repr`, so that a value
that ends up in a log line or a traceback gives none of them away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Flag, StrEnum

from bridge.room.errors import RoomError
from bridge.room.grants import Grant

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}")
"""Tenants and rooms: one URL path segment that needs no escaping, and never a slash."""


class MediaKind(StrEnum):
    """What a source sends."""

    AUDIO = "audio"
    VIDEO = "video"


class SourceName(StrEnum):
    """Where a source comes from."""

    CAMERA = "camera"
    MICROPHONE = "microphone"
    SCREEN = "screen"

    @property
    def kinds(self) -> frozenset[MediaKind]:
        """What it can send: a shared screen may come with its sound."""
        match self:
            case SourceName.CAMERA:
                return frozenset({MediaKind.VIDEO})
            case SourceName.MICROPHONE:
                return frozenset({MediaKind.AUDIO})
            case SourceName.SCREEN:
                return frozenset(MediaKind)

    @property
    def grant(self) -> Grant:
        """The grant that publishing it takes."""
        return Grant(f"publish_{self.value}")


class Direction(Flag):
    """What a session is for. A client of the WebSocket door does both; WHIP publishes, WHEP subscribes.

    An identity has at most one session per direction, so a vendor's client may publish by WHIP and watch by WHEP and
    still be one participant.
    """

    PUBLISH = 1
    SUBSCRIBE = 2
    BOTH = 3


class EndReason(StrEnum):
    """Why a session, a participant or a room ended."""

    LEFT = "left"
    REPLACED = "replaced"
    """The same identity joined again, as after a reload."""
    TIMED_OUT = "timed_out"
    """Signalling was lost and did not come back within the grace period."""
    MEDIA_LOST = "media_lost"
    """Media consent expired: the device went silently."""
    EMPTY = "empty"
    """Of a room: nobody came back."""
    SHUTTING_DOWN = "shutting_down"


@dataclass(frozen=True, slots=True)
class RoomLimits:
    """Bounds of what is kept. Durations in seconds."""

    max_participants: int = 25
    max_rooms: int = 2000
    max_rooms_per_tenant: int = 1000
    max_sources: int = 8
    """Per participant."""
    grace: float = 30.0
    """How long a session whose signalling was lost waits to be resumed."""
    linger: float = 10.0
    """How long an empty room is kept for those who are about to come back."""


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """What a verified token says of who wants in, and for what."""

    tenant: str
    room: str
    identity: str = field(repr=False)
    name: str = field(repr=False)
    role: str
    grants: frozenset[str]
    direction: Direction = Direction.BOTH


@dataclass(frozen=True, slots=True)
class Source:
    """A camera, microphone or screen that a participant sends."""

    id: int
    """Unique within the life of the bridge."""
    session_id: str = field(repr=False)
    name: SourceName
    kind: MediaKind
    muted: bool


@dataclass(frozen=True, slots=True)
class Session:
    """One door's hold on a participant: what a client resumes after its signalling was lost."""

    id: str = field(repr=False)
    secret: str = field(repr=False)
    room_id: str
    participant_id: str
    direction: Direction
    grants: frozenset[str]
    connected: bool
    attachment: int
    """Counts up with every resume, so that the connection that was resumed away cannot disconnect the new one."""

    def may(self, grant: Grant) -> bool:
        """Whether the token that opened this session gave `grant`."""
        return grant.value in self.grants


@dataclass(frozen=True, slots=True)
class Participant:
    """A member of a room, as the others may see it."""

    id: str
    room_id: str
    identity: str = field(repr=False)
    name: str = field(repr=False)
    role: str
    grants: frozenset[str]
    """What any of its sessions may do."""
    connected: bool
    """False while every session of it waits to be resumed."""
    order: int
    """Rank by time of joining, ascending, unique within the life of the bridge."""
    sources: tuple[Source, ...]


def room_id(tenant: str, room: str) -> str:
    """The id of a vendor's room, "tenant/room". Raises `RoomError` (`invalid_room`) for names that could escape it."""
    for name, label in ((tenant, "tenant"), (room, "room")):
        if not _NAME.fullmatch(name):
            raise RoomError(
                "invalid_room",
                f"The name of a {label} is 1 to 128 of the characters A–Z a–z 0–9 . _ ~ - and starts with one of the "
                "first three kinds.",
                field=label,
            )
    return f"{tenant}/{room}"
