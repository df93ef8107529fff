"""The nouns of a room, as values: what `Rooms` hands out never changes under its reader.

Names and identities belong to persons, and secrets open sessions: all three are kept out of `repr`, so that a value
that ends up in a log line or a traceback gives none of them away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Flag, StrEnum
from typing import TypedDict

from bridge.room.errors import RoomError
from bridge.room.grants import Entrance, Grant

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}")
"""Tenants and rooms: one URL path segment that needs no escaping, and never a slash."""


class MediaKind(StrEnum):
    """What a source sends."""

    AUDIO = "audio"
    VIDEO = "video"


class Upload(StrEnum):
    """What the line of whoever sends a picture makes of it, as its sender says."""

    FULL = "full"
    REDUCED = "reduced"
    """Fewer frames, of the smallest size."""
    STILLS = "stills"
    """A picture now and then."""
    PAUSED = "paused"
    """None, until the line carries one again."""


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
    REFUSED = "refused"
    """A host did not let them in."""
    REMOVED = "removed"
    """A host took them out, and their token with them."""
    SENT_BACK = "sent_back"
    """Of a participant as the others see it: back in the lobby."""
    ENDED = "ended"
    """A host ended the call for all."""
    EMPTY = "empty"
    """Of a room: nobody came back."""
    TIME_IS_UP = "time_is_up"
    """The appointment is over, or the room was open for as long as one may be."""
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
    max_waiting: int = 50
    """In the lobby of a room."""


class WithoutHost(StrEnum):
    """What a room without a host does with those who enter by the lobby."""

    WAIT = "wait"
    """They wait; and those inside wait again when no host came back."""
    ENTER = "enter"
    """They come in."""


@dataclass(frozen=True, slots=True)
class RoomPolicy:
    """How rooms let people in. Durations in seconds."""

    without_host: WithoutHost = WithoutHost.WAIT
    host_absence: float = 60.0
    """How long a room may be without a host before those who came by the lobby go back there."""
    reentry: float = 120.0
    """How long the place of someone who left is kept, in the queue or in the room."""
    consultation: float = 900.0
    """How long one takes, for the time that those who wait are told to expect."""
    opens_before: float = 900.0
    """How long before its appointment a room opens."""
    closes_after: float = 3600.0
    """How long after the end of its appointment a room closes, with whoever is in it."""
    max_length: float = 43_200.0
    """How long a room may be open at most."""
    video_consent: tuple[str, ...] = ()
    """Rooms that take cameras only after their owners' consent: patterns of "tenant/room", as in a shell."""


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
    enters: Entrance = Entrance.DIRECT
    level: str = ""
    """How surely they are known: the level of their sign-in, such as `idporten-loa-high`; empty if none was told."""
    may_host: bool = False
    """Whether a host may hand its office over to them."""
    consents: bool = True
    """Whether a recording waits for their consent."""
    consent_by_vendor: bool = False
    """Whether the vendor's system asks them for consent, and hands their answers in."""
    video_consent: bool = False
    """Whether the room is to take cameras only after their owners' consent, from now on."""
    starts_in: float | None = None
    """Seconds until the appointment begins, less than zero after that; None where the token names no time."""
    ends_in: float | None = None
    """Seconds until it ends."""
    token_id: str = field(default="", repr=False)
    token_lifetime: float = 0.0
    """Seconds that the token may still be used for."""
    service: bool = False
    """Part of the bridge itself, such as the recorder: locks and the number of places do not concern it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A camera, microphone or screen that a participant sends."""

    id: int
    """Unique within the life of the bridge."""
    session_id: str = field(repr=False)
    name: SourceName
    kind: MediaKind
    muted: bool
    upload: Upload = Upload.FULL
    interrupted: bool = False
    """The system of its owner gives neither sound nor picture for now, as during a telephone call."""


class SourceChange(TypedDict, total=False):
    """What its sender changes of a source: only what is given."""

    name: SourceName
    muted: bool
    upload: Upload
    interrupted: bool


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
    waiting: bool = False
    """In the lobby."""

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
    level: str
    """Of its sign-in; empty if none was told."""
    connected: bool
    """False while every session of it waits to be resumed."""
    order: int
    """Rank by time of joining, ascending, unique within the life of the bridge."""
    sources: tuple[Source, ...]
    hand_raised: bool = False
    companions: tuple[str, ...] = field(default=(), repr=False)
    """Names of those who sit at the same camera."""
    may_host: bool = False
    """Whether a host may hand its office over to them."""
    consent_pending: bool = False
    """Asked to consent to the recording at hand, and yet to answer. Who is in the lobby enters as soon as they do."""
    consent_by_vendor: bool = False
    """Their vendor's system asks them for consent, and hands their answers in."""
    consented_by_vendor: bool = False
    """A consent of theirs that counts now, to the recording at hand or to video, was handed in by that system."""
    service: bool = False
    """Part of the bridge itself, such as the recorder."""


class Recording(StrEnum):
    """Whether what is said in a room is recorded."""

    OFF = "off"
    ASKING = "asking"
    """It begins as soon as everyone in the room has consented."""
    ON = "on"
    PAUSED = "paused"
    """It goes on as soon as those who came meanwhile have consented, too."""


@dataclass(frozen=True, slots=True)
class RoomState:
    """What holds for the room as a whole."""

    locked: bool = False
    """Nobody but hosts, and those who come back, may join or wait."""
    recording: Recording = Recording.OFF
    video_consent: bool = False
    """Cameras come in only after their owners' consent."""
    recordable: bool = False
    """Whether there is anything that records."""
    pinned: str | None = None
    """Whom everybody is to see best, as a host wants it: a participant in the room."""


class ConsentKind(StrEnum):
    """What a consent is to."""

    RECORDING = "recording"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class Consent:
    """How it stands with somebody's consent, for whoever asks them."""

    kind: ConsentKind
    asked: bool
    """Whether it is asked for now."""
    answer: bool | None
    """None as long as there is none."""
    by_vendor: bool
    """Whether a yes was handed in by their vendor's system."""
    request: ConsentRequest | None
    """The recording at hand; None for video."""


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """What somebody is asked to consent to."""

    id: str
    """Of one recording, from its asking to its end."""
    text_version: str
    """Which text the question has: it is kept with the answer."""
    asked_by: str
    """Id of the participant who asked for the recording."""


class StillStep(StrEnum):
    """How far the request for a still picture has come."""

    ASKED = "asked"
    CONSENTED = "consented"
    """The owner of the camera may bring the picture."""
    READY = "ready"
    """The picture waits for whoever asked for it."""


class StillEnd(StrEnum):
    """Why the request for a still picture is over."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    """The owner of the camera does not consent, or not any more."""
    CANCELLED = "cancelled"
    """By whoever asked."""
    GONE = "gone"
    """Whoever asked has left, or the camera is not there any more."""
    TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True)
class StillPicture:
    """What is known of a picture that waits to be fetched."""

    content_type: str
    size: int
    """Bytes."""
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class StillRequest:
    """Somebody asks for a still picture of another's camera."""

    id: str
    room_id: str
    by: str
    """Id of the participant who asks."""
    by_session: str = field(repr=False)
    of: str
    """Id of the participant whose camera it is."""
    of_session: str = field(repr=False)
    source_id: int
    upload_ticket: str = field(repr=False)
    """Lets its owner bring the picture."""
    download_ticket: str = field(repr=False)
    """Lets whoever asked fetch it."""
    step: StillStep = StillStep.ASKED
    picture: StillPicture | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """Somebody would have another person invited."""

    id: str
    """Unique within the life of the bridge."""
    participant_id: str
    """Who proposes it."""
    by: str = field(repr=False)
    """Their name; they may be gone."""
    role: str
    name: str = field(repr=False)
    """Who it is, in the words of whoever proposes it."""


class ChatLane(StrEnum):
    """What a text is."""

    MESSAGE = "message"
    CAPTION = "caption"
    """What is said, written down for those who do not hear it."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A text that a participant wrote."""

    id: int
    """Ascending, unique within the life of the bridge."""
    participant_id: str
    name: str = field(repr=False)
    """The writer's, who may be gone."""
    lane: ChatLane
    text: str = field(repr=False)
    to: str | None
    """Id of the one participant whom it is for; None for everyone in the room."""
    at: float
    """When it was written, by the rooms' clock."""


class LobbyNotice(StrEnum):
    """What a host's message to those who wait is about."""

    DELAYED = "delayed"
    SOON = "soon"
    CANCELLED = "cancelled"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class LobbyMessage:
    """A host's message to those who wait."""

    id: int
    """Ascending, unique within the life of the bridge."""
    notice: LobbyNotice
    text: str = field(repr=False)
    minutes: int | None
    """Of delay."""


@dataclass(frozen=True, slots=True)
class LobbyView:
    """What someone who waits may know."""

    position: int
    """1 is next."""
    expected: float | None
    """Seconds; None while nothing can be said."""
    host_present: bool
    messages: tuple[LobbyMessage, ...]
    """Oldest first."""


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
