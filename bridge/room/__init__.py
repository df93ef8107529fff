"""The domain: who is in which room, with which sources and rights. Pure: no I/O, no tasks, the clock is injected.

`Rooms` is the only way in. Doors hand it what a verified token says and get a `Session` back; everything that happens
afterwards, whoever caused it, is told to listeners as typed events in the order it happened.
"""

from bridge.room.errors import RoomError
from bridge.room.events import (
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RoomClosed,
    RoomEvent,
    RoomListener,
    RoomOpened,
    SessionEnded,
    SourceAdded,
    SourceRemoved,
    SourceUpdated,
)
from bridge.room.grants import DEFAULT_ROLES, Grant, RoleError, parse_roles
from bridge.room.model import (
    Direction,
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
from bridge.room.rooms import Rooms

__all__ = [
    "DEFAULT_ROLES",
    "Direction",
    "EndReason",
    "Grant",
    "JoinRequest",
    "MediaKind",
    "Participant",
    "ParticipantJoined",
    "ParticipantLeft",
    "ParticipantUpdated",
    "RoleError",
    "RoomClosed",
    "RoomError",
    "RoomEvent",
    "RoomLimits",
    "RoomListener",
    "RoomOpened",
    "Rooms",
    "Session",
    "SessionEnded",
    "Source",
    "SourceAdded",
    "SourceName",
    "SourceRemoved",
    "SourceUpdated",
    "parse_roles",
    "room_id",
]
