"""What messages are made of: names with their bounds, and the objects that appear inside several of them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from bridge.picture_layouts import PictureLayout, PictureShape

MESSAGE_BYTES_LIMIT = 256 * 1024
"""Longest message accepted. The offer of a room with 25 participants is about 60 KiB."""

TOKEN_LENGTH_LIMIT = 16 * 1024
"""Longest join token in characters."""

SOURCES_LIMIT = 256
"""Most sources that one request may name."""

TILES_LIMIT = 64
"""Most videos that a layout may name."""

PINS_LIMIT = 4
"""Most participants that one client may pin."""

RequestId = Annotated[
    int,
    Meta(ge=1, le=2**53 - 1, description="Chosen by the client, different for each request of a session."),
]
ReplyTo = Annotated[int, Meta(ge=1, le=2**53 - 1, description="The `id` of the request that this answers.")]
Sdp = Annotated[
    str,
    Meta(min_length=1, max_length=MESSAGE_BYTES_LIMIT, description="A session description (RFC 8866, RFC 8829)."),
]
Mid = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=32,
        pattern=r"^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+$",
        description="The `a=mid` of an m-line (RFC 5888); RTCRtpTransceiver.mid.",
    ),
]
ParticipantId = Annotated[
    str,
    Meta(min_length=1, max_length=64, description="Names a participant within its room; says nothing about a person."),
]
QueueId = Annotated[str, Meta(min_length=1, max_length=128, description="The name of a queue.")]
ProposalId = Annotated[str, Meta(min_length=1, max_length=64, description="Names a proposal within its room.")]
SourceId = Annotated[str, Meta(min_length=1, max_length=64, description="Names a source within its room.")]
Negotiation = Annotated[
    int, Meta(ge=0, le=2**53 - 1, description="Numbers the bridge's offers; the answer repeats it.")
]

SourceName = Literal["microphone", "camera", "screen", "screen_audio"]
"""Where a source comes from. A shared screen may be two sources: its picture, and its sound."""

TrackSourceName = Literal["microphone", "camera", "screen", "screen_audio", "composed"]
"""`composed`: one picture of everybody, which the bridge makes."""

UploadName = Literal["full", "reduced", "stills", "paused"]
"""What the line of whoever sends a picture makes of it: all, fewer frames, one now and then, none for now."""

ViewName = Literal["separate", "composed", "auto"]

MediaKind = Literal["audio", "video"]
ConnectionName = Literal["publish", "subscribe"]


class Request(Struct, forbid_unknown_fields=True, tag_field="type", kw_only=True):
    """What every message of a client has."""

    id: RequestId


class Notice(Struct, tag_field="type", kw_only=True):
    """A message of the bridge that nobody asked for."""


class Reply(Struct, tag_field="type", kw_only=True):
    """A message of the bridge that answers a request."""

    reply_to: ReplyTo


class PublishedSource(Struct, forbid_unknown_fields=True, frozen=True):
    """What an m-line of the client's offer carries."""

    mid: Mid
    source: SourceName
    muted: bool = False


class Tile(Struct, forbid_unknown_fields=True, frozen=True):
    """How a client shows a video."""

    source_id: SourceId
    height: Annotated[
        int,
        Meta(ge=0, le=16384, description="Lines of the picture on the screen, in device pixels; 0: out of sight."),
    ]


class ComposedTile(Struct, forbid_unknown_fields=True, frozen=True):
    """How a client shows one picture of everybody."""

    layout: Annotated[
        PictureLayout,
        Meta(
            description="`grid`: all alike; `speaker`: who speaks, and a strip of the others; `interpreter`: the "
            "interpreter beside whom they interpret for; `screen`: what is shared, and faces; `auto`: what suits who "
            "is there."
        ),
    ] = "auto"
    shape: Annotated[PictureShape, Meta(description="`upright` for a telephone as it is held.")] = "wide"
    hidden: Annotated[bool, Meta(description="Whether it is out of sight: then it is not sent.")] = False


class Source(Struct, frozen=True):
    """A microphone, camera or screen that a participant publishes."""

    id: SourceId
    source: SourceName
    kind: MediaKind
    muted: Annotated[bool, Meta(description="Said by the participant itself: it sends silence or no picture.")]
    upload: Annotated[UploadName, Meta(description="Said by the participant itself: what its own line makes of it.")]
    interrupted: Annotated[
        bool,
        Meta(
            description="Said by the participant itself: its system gives neither sound nor picture for now, as during "
            "a telephone call. It comes back by itself."
        ),
    ]


class Participant(Struct, frozen=True):
    """Someone in the room, as the others see them."""

    id: ParticipantId
    name: Annotated[str, Meta(description="To show to people; from the join token.")]
    role: str
    state: Annotated[
        Literal["connected", "reconnecting"],
        Meta(description="`reconnecting`: its signalling is lost; media may still flow; it may come back."),
    ]
    sources: list[Source]
    level: Annotated[str, Meta(description="How surely they are known, such as `idporten-loa-high`; empty if untold.")]
    hand_raised: bool
    companions: Annotated[list[str], Meta(description="Names of those who sit at the same camera.")]
    may_host: Annotated[bool, Meta(description="Whether a host may hand its office over to them.")]
    consent_pending: Annotated[bool, Meta(description="Asked to consent to the recording at hand, and yet to answer.")]
    consented_by_vendor: Annotated[
        bool, Meta(description="A consent of theirs that counts now was handed in by their vendor's system.")
    ]


class WaitingParticipant(Struct, frozen=True):
    """Someone in the lobby, as hosts see them."""

    id: Annotated[ParticipantId, Meta(description="It stays the same when they are let in.")]
    name: Annotated[str, Meta(description="To show to people; from the join token.")]
    role: str
    level: Annotated[str, Meta(description="How surely they are known, such as `idporten-loa-high`; empty if untold.")]
    state: Annotated[
        Literal["connected", "reconnecting"],
        Meta(description="`reconnecting`: their signalling is lost, or they ask now and then (WHIP, WHEP)."),
    ]
    consent_pending: Annotated[
        bool, Meta(description="Let in, and enters as soon as they consent to the recording at hand.")
    ]


class Queue(Struct, frozen=True):
    """A waiting list that the room takes from, with others perhaps."""

    id: QueueId
    waiting: Annotated[list[WaitingParticipant], Meta(description="The next one first.")]


LobbyNoticeName = Literal["delayed", "soon", "cancelled", "text"]


class LobbyMessage(Struct, frozen=True):
    """What a host wrote to those who wait."""

    id: Annotated[str, Meta(description="The same message may come again after a resume.")]
    notice: LobbyNoticeName
    text: Annotated[str, Meta(description="The host's own words; may be empty but for `text`.")]
    minutes: Annotated[int | None, Meta(description="Of delay, for `delayed`.")]


class Lobby(Struct, frozen=True):
    """What someone who waits may know."""

    position: Annotated[int, Meta(ge=1, description="In the queue; 1 is next.")]
    expected_seconds: Annotated[int | None, Meta(description="Until it is their turn; null while nothing is known.")]
    host_present: bool
    messages: Annotated[list[LobbyMessage], Meta(description="Oldest first.")]


class Room(Struct, frozen=True):
    """What holds for the room as a whole."""

    locked: Annotated[bool, Meta(description="Nobody but hosts, and those who come back, may join or wait.")]
    recording: Annotated[
        Literal["off", "asking", "on", "paused"],
        Meta(description="`asking`, `paused`: it begins, or goes on, as soon as everyone has consented."),
    ]
    video_consent: Annotated[
        bool, Meta(description="A camera is taken only after its owner's yes: ask, and send `answer_video_consent`.")
    ]
    recordable: Annotated[bool, Meta(description="Whether this bridge has anything that records.")]
    pinned: Annotated[
        ParticipantId | None,
        Meta(description="Whom everybody is to see best, as a host wants it. Each may see others best."),
    ]
    encryption: Annotated[
        Literal["bridge"],
        Meta(description="`bridge`: media is encrypted from each client to the bridge, which can read it."),
    ]


ChatLaneName = Literal["message", "caption"]


class ChatMessage(Struct, frozen=True):
    """What a participant wrote."""

    id: Annotated[str, Meta(description="The same text may come again after a resume or a reload.")]
    participant_id: Annotated[ParticipantId, Meta(description="The writer, who may be gone.")]
    name: str
    lane: Annotated[ChatLaneName, Meta(description="`caption`: what is said, for those who do not hear it.")]
    text: str
    to: Annotated[ParticipantId | None, Meta(description="For one participant only; null for everyone in the room.")]
    age_seconds: Annotated[float, Meta(description="How long ago it was written.")]


class ConsentRequest(Struct, frozen=True):
    """A recording that the client is asked to consent to. Nothing is recorded without everybody's yes."""

    id: str
    text_version: Annotated[str, Meta(description="Which text to ask with.")]
    asked_by: Annotated[ParticipantId, Meta(description="Who wants to record.")]
    consented: Annotated[bool, Meta(description="Whether the client has done so, and may take it back.")]


class Proposal(Struct, frozen=True):
    """Somebody would have another person invited."""

    id: ProposalId
    participant_id: Annotated[ParticipantId, Meta(description="Who proposes it; they may be gone.")]
    by: Annotated[str, Meta(description="Their name.")]
    role: str
    name: Annotated[str, Meta(description="Who it is, in the words of whoever proposes it.")]


class OwnSource(Struct, frozen=True):
    """A source of the client itself, with the m-line of the publish connection that carries it."""

    id: SourceId
    mid: Mid
    source: SourceName
    kind: MediaKind
    muted: bool
    upload: UploadName
    interrupted: bool


class WantedEncoding(Struct, frozen=True):
    """An encoding of a source of the client itself."""

    rid: Annotated[str | None, Meta(description="As in the client's offer; null for one without.")]
    active: Annotated[bool, Meta(description="Whether anybody is to receive it.")]
    spare: Annotated[
        bool,
        Meta(
            description="Whether a client whose own line does not carry all active ones should leave it out: everyone "
            "would rather have the others alone than all of them poorly. False where it is not active."
        ),
    ]


class TranscodedSource(Struct, frozen=True):
    """A source that the bridge decodes and encodes again for those who lack its codec or a line that carries it."""

    source_id: SourceId
    kind: MediaKind
    codec: Annotated[str, Meta(description="As its publisher sends it, such as `H264`.")]
    into: Annotated[str, Meta(description="As those others receive it, such as `VP8`.")]
    reason: Annotated[
        str,
        Meta(
            description="Why: `codec`, its receivers lack the codec that is sent; `thin_line`, their lines do not "
            "carry what is sent; `composed`, they get one picture of everybody; `mixed`, they get one sound of "
            "everybody."
        ),
    ]
    receivers: Annotated[int, Meta(description="How many receive it so.")]


class RejectedSource(Struct, frozen=True):
    """An m-line that was offered and that the room did not get, with the reason."""

    mid: Mid | None
    code: Annotated[str, Meta(description="Such as `unsupported_codec`, `not_granted`, `too_many_sources`.")]
    message: str


class Session(Struct, frozen=True):
    """What the client needs to come back after its WebSocket was lost."""

    id: Annotated[str, Meta(description="Goes into `resume`.")]
    secret: Annotated[str, Meta(description="Goes into `resume`. Keep it in memory only.")]
    grace_seconds: Annotated[float, Meta(description="How long after the loss of the WebSocket a resume works.")]


class IceServer(Struct, frozen=True):
    """An RTCIceServer. Most networks need none: the bridge itself is reachable over UDP and TCP."""

    urls: list[str]
    username: str | UnsetType = UNSET
    credential: str | UnsetType = UNSET


class Server(Struct, frozen=True):
    """The bridge that answered."""

    name: str
    version: str


class Limits(Struct, frozen=True):
    """Bounds that this session is held to."""

    message_bytes: Annotated[int, Meta(description="Longest message the bridge accepts.")]
    requests_per_second: Annotated[float, Meta(description="Requests accepted on average; short bursts may exceed it.")]
    request_burst: Annotated[int, Meta(description="Requests accepted at once after a pause.")]


class Track(Struct, frozen=True):
    """Which source an m-line of the bridge's offer carries."""

    mid: Mid
    participant_id: Annotated[ParticipantId | None, Meta(description="Null for `composed`, which is nobody's own.")]
    source_id: Annotated[SourceId | None, Meta(description="Null for `composed`.")]
    source: TrackSourceName
    kind: MediaKind


class AudioLevel(Struct, frozen=True):
    """How loud a source is now."""

    participant_id: ParticipantId
    source_id: SourceId
    level: Annotated[int, Meta(ge=0, le=127, description="−dBov: 0 is loudest, 127 is silence (RFC 6464).")]
    voice: Annotated[bool, Meta(description="Whether it is taken for speech.")]


class SourceStats(Struct, frozen=True):
    """Counters of one source on one connection, since it was put there."""

    source_id: SourceId
    packets: int
    bytes: int
    packets_lost: Annotated[int, Meta(description="As the receiving end counts (RFC 3550 §6.4.1).")]
    jitter_seconds: float
    bitrate: Annotated[int, Meta(description="bit/s over the last second.")]
    retransmissions: Annotated[int, Meta(description="Packets that were sent again.")]
    keyframe_requests: Annotated[int, Meta(description="PLI and FIR.")]


class ConnectionStats(Struct, frozen=True):
    """Counters of one connection, as the bridge sees it."""

    protocol: Literal["udp", "tcp"] | None
    packets_received: int
    bytes_received: int
    packets_sent: int
    bytes_sent: int
    round_trip_seconds: Annotated[float | None, Meta(description="From the newest receiver report; null before it.")]
    estimate: Annotated[
        int | None, Meta(description="bit/s that the bridge takes the line to the client to carry; null if unknown.")
    ]
    sources: list[SourceStats]
