"""What the REST API takes and gives. The OpenAPI document is made from these."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Name = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$", description="Letters, digits and . _ ~ -, 128 at most."),
]
Count = Annotated[int, Meta(ge=0)]
Instant = Annotated[int, Meta(description="Seconds since the epoch.")]


class Room(msgspec.Struct):
    """A room that is open now. Rooms open by themselves when the first participant joins."""

    room: Name
    participants: Annotated[int, Meta(ge=0, description="In the room.")]
    waiting: Annotated[int, Meta(ge=0, description="In its lobby.")]
    locked: bool


class RoomPage(msgspec.Struct, omit_defaults=True):
    """Rooms, by name."""

    rooms: list[Room]
    next_cursor: Annotated[str, Meta(description="For the next page; absent on the last.")] | UnsetType = UNSET


class Source(msgspec.Struct):
    """What a participant sends."""

    name: Literal["camera", "microphone", "screen"]
    kind: Literal["audio", "video"]
    muted: bool


class Participant(msgspec.Struct):
    """Someone in a room or in its lobby."""

    id: str
    identity: Annotated[str, Meta(description="In the vendor's words; a pseudonym of whom the vendor never named.")]
    role: str
    level: Annotated[str, Meta(description="Of the sign-in; empty if none was told.")]
    grants: list[str]
    waiting: Annotated[bool, Meta(description="In the lobby.")]
    connected: bool
    sources: list[Source]
    consent_pending: Annotated[bool, Meta(description="Asked to consent to a recording, and yet to answer.")]
    consent_by: Annotated[
        Literal["participant", "vendor"], Meta(description="`vendor`: their answers are handed in by your system.")
    ]


class Consent(msgspec.Struct):
    """How it stands with a consent of somebody."""

    kind: Literal["recording", "video"]
    asked: Annotated[bool, Meta(description="Whether it is asked for now.")]
    answer: Annotated[Literal["yes", "no"] | None, Meta(description="Null as long as there is none that counts.")]
    given_by: Annotated[Literal["participant", "vendor"] | None, Meta(description="Whose word a yes is.")]
    recording: Annotated[str | None, Meta(description="The recording that is asked for; null for video.")]
    text_version: Annotated[str | None, Meta(description="That whoever asked for the recording named.")]


class ConsentList(msgspec.Struct):
    """The consents of somebody."""

    consents: list[Consent]


class ConsentAnswer(msgspec.Struct, forbid_unknown_fields=True):
    """What somebody has answered to the vendor's system."""

    answer: Annotated[
        Literal["yes", "no", "withdrawn"], Meta(description="`withdrawn`: a yes is taken back; it counts as a no.")
    ]
    text_version: Annotated[str, Meta(min_length=1, max_length=64, description="Of the text that they were shown.")]
    recording: (
        Annotated[str, Meta(min_length=1, max_length=64, description="Which recording, as `GET` of it tells.")] | None
    ) = None
    """For a consent to a recording, and only there."""


class ParticipantPage(msgspec.Struct, omit_defaults=True):
    """Participants, in order of joining."""

    participants: list[Participant]
    next_cursor: Annotated[str, Meta(description="For the next page; absent on the last.")] | UnsetType = UNSET


class TokenRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Whom a join token is for, and as what."""

    identity: Annotated[str, Meta(min_length=1, max_length=128, description="Who it is, in the vendor's words.")]
    role: Annotated[str, Meta(min_length=1, max_length=64, description="Such as `fastlege` or `pasient`.")]
    ttl: Annotated[int, Meta(ge=10, le=86_400, description="Seconds that it may be used for.")] = 600
    name: Annotated[str, Meta(max_length=200, description="The name shown to the others.")] | None = None
    grants: (
        Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=32, description="Narrows the role.")]
        | None
    ) = None
    enters: Literal["lobby", "direct"] | None = None
    level: Annotated[str, Meta(max_length=64, description="Of the sign-in at the vendor.")] | None = None
    consent_by: (
        Annotated[
            Literal["participant", "vendor"],
            Meta(description="`vendor`: your system asks them for consent, and hands their answers in."),
        ]
        | None
    ) = None
    video_consent: Annotated[bool, Meta(description="The room takes cameras only after their owners' consent.")] = False


class Token(msgspec.Struct):
    """A join token: it opens one room for one identity."""

    token: str
    expires_at: Instant
    link: Annotated[str, Meta(description="Of the bridge's own page. Whoever has it gets in.")]


EventId = Annotated[str, Meta(pattern=r"^msg_[0-9a-f]{32}$", description="As `webhook-id` has it.")]


class Event(msgspec.Struct):
    """Something that happened, as webhooks tell it."""

    id: EventId
    type: str
    timestamp: Annotated[str, Meta(description="RFC 3339, in UTC.")]
    data: dict[str, str | int | bool | float | None]


class EventPage(msgspec.Struct, omit_defaults=True):
    """Events, oldest first."""

    events: list[Event]
    next_cursor: (
        Annotated[str, Meta(description="To read on with, now or later; absent if there was never an event.")]
        | UnsetType
    ) = UNSET


class ReplayRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Which events are to be told again."""

    first: EventId
    last: EventId | None = None
    """The newest one if it is left out."""
    room: Name | None = None
    """All rooms if it is left out."""


class Replay(msgspec.Struct):
    """What is told again."""

    events: Count


class RecordPage(msgspec.Struct, omit_defaults=True):
    """Records of calls and of sessions in them, oldest first."""

    records: Annotated[
        list[dict[str, str | int | bool | float | None]],
        Meta(description="docs/vendors/records.md lists their fields."),
    ]
    next_cursor: (
        Annotated[str, Meta(description="To read on with, now or later; absent if there was never a record.")]
        | UnsetType
    ) = UNSET


class Problem(msgspec.Struct):
    """A refusal (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: Annotated[str, Meta(description="A stable word; docs/vendors/rest.md lists them.")]
    field: str | UnsetType = UNSET
    hint: str | UnsetType = UNSET


class Stream(msgspec.Struct):
    """A file of a recording."""

    name: Annotated[
        str,
        Meta(
            description="`composed`, or `track-1`, `track-1-screen`, `track-1-part-2` …; "
            "`timeline`: who was there when."
        ),
    ]
    media_type: str
    bytes: Annotated[int, Meta(ge=0, description="About how many.")]


class Recording(msgspec.Struct):
    """A recording of a room."""

    id: str
    room: str
    created_at: Instant
    expires_at: Annotated[int, Meta(description="When it is deleted by itself, in seconds since the epoch.")]
    state: Annotated[
        Literal["recording", "complete", "truncated", "damaged", "shredded"],
        Meta(description="`truncated`: its end is missing, as after a crash, and all before it can be played."),
    ]
    streams: list[Stream]


class RecordingPage(msgspec.Struct, omit_defaults=True):
    """Recordings, oldest first."""

    recordings: list[Recording]
    next_cursor: Annotated[str, Meta(description="For the next page; absent on the last.")] | UnsetType = UNSET


TestLegKind = Literal["echo", "clock", "player"]


class TestLegRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A program that is to join a room."""

    kind: Annotated[
        TestLegKind,
        Meta(
            description="`echo` sends back what the last who came sends, `clock` a time code and a tone that beeps "
            "with each second, `player` plays a clip over and over."
        ),
    ]
    role: Annotated[
        str,
        Meta(min_length=1, max_length=64, description="One that enters directly; it does no more than send and watch."),
    ]
    name: Annotated[str, Meta(max_length=200, description="The name shown to the others.")] | None = None
    clip: (
        Annotated[str, Meta(min_length=1, max_length=255, description="With `player`: a file of the operator's.")]
        | None
    ) = None
    seconds: Annotated[
        int, Meta(ge=1, le=86_400, description="That it stays at most; bounded by the operator's `legs.test_lifetime`.")
    ] = 300


class TestLeg(msgspec.Struct):
    """A program in a room."""

    id: str
    kind: TestLegKind
    clip: str | None
    participant: Annotated[str, Meta(description="Its id among the participants.")]
    identity: str
    ends_at: Instant


class TestLegList(msgspec.Struct):
    """Test legs, oldest first."""

    test_legs: list[TestLeg]
