"""What is sent and answered, as types: the OpenAPI document is generated from them.

Nobody's name or identity is among the answers: the vendor knows whom it invited, and ids are enough to act.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Name = Annotated[str, Meta(min_length=1, max_length=128)]
RoomName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$", description="Name of a room, without the tenant.")
]


class Room(msgspec.Struct, frozen=True):
    """A room that is open, i.e. somebody has been in it and it was not closed since."""

    name: RoomName
    participants: int
    waiting: int
    locked: bool


class Rooms(msgspec.Struct, frozen=True):
    """A page of rooms, by name."""

    rooms: list[Room]
    next: str | None
    """Cursor of the next page."""


class Source(msgspec.Struct, frozen=True):
    """A camera, microphone or screen."""

    name: Literal["camera", "microphone", "screen"]
    kind: Literal["audio", "video"]
    muted: bool


class Participant(msgspec.Struct, frozen=True):
    """Someone in the room or in its lobby."""

    id: str
    role: str
    level: str
    """Of the sign-in; empty if none was told."""
    place: Literal["room", "lobby"]
    connected: bool
    hand_raised: bool
    sources: list[Source]


class Participants(msgspec.Struct, frozen=True):
    """Everybody of a room: in order of joining, then who waits, the next one first."""

    participants: list[Participant]


class TokenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom a join token is for."""

    room: RoomName
    identity: Name
    role: Name
    name: Annotated[str, Meta(max_length=200, description="Shown to the others.")] = ""
    lifetime: Annotated[int, Meta(ge=30, le=3600, description="Seconds; the operator may have set less.")] = 600


class Token(msgspec.Struct, frozen=True):
    """A join token, and when it ends in seconds since the epoch."""

    token: str
    expires_at: int


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that happened in a room."""

    id: str
    type: str
    time: str
    """RFC 3339, in UTC."""
    room: str
    participant: str | None = None
    role: str | None = None
    level: str | None = None
    reason: str | None = None
    source: str | None = None
    locked: bool | None = None


class Events(msgspec.Struct, frozen=True):
    """Events in the order in which they happened, and where to go on."""

    events: list[Event]
    next: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A refusal (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
    hint: str | None = None
