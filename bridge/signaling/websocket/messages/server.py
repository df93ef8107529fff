"""What the bridge sends: replies (with `reply_to`), one error shape, and notices."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from bridge.signaling.websocket.messages.parts import (
    AudioLevel,
    ChatMessage,
    ConnectionName,
    ConnectionStats,
    ConsentRequest,
    IceServer,
    Limits,
    Lobby,
    LobbyMessage,
    Negotiation,
    Notice,
    OwnSource,
    Participant,
    ParticipantId,
    Proposal,
    Queue,
    RejectedSource,
    Reply,
    ReplyTo,
    Room,
    Sdp,
    Server,
    Session,
    Source,
    SourceId,
    Track,
    TranscodedSource,
    WaitingParticipant,
    WantedEncoding,
)
from bridge.signaling.websocket.messages.stills import Still, StillNotices, StillReplies

VideoStateName = Literal["full", "reduced", "stills", "paused"]
PeerConnectionState = Literal["new", "connecting", "connected", "disconnected", "failed", "closed"]
QualityLevelName = Literal["excellent", "good", "poor", "lost"]
LeftReason = Literal[
    "left",
    "replaced",
    "timed_out",
    "media_lost",
    "refused",
    "removed",
    "sent_back",
    "ended",
    "time_is_up",
    "shutting_down",
]
WaitingLeftReason = Literal[
    "admitted", "left", "replaced", "timed_out", "media_lost", "refused", "removed", "time_is_up", "shutting_down"
]


class Joined(Reply, tag="joined"):
    """The session stands. After a resume it holds the whole state anew: what was missed need not be told again."""

    resumed: bool
    session: Session
    participant_id: Annotated[ParticipantId, Meta(description="The client itself.")]
    grants: Annotated[list[str], Meta(description="What the token allows, such as `publish` and `subscribe`.")]
    participants: Annotated[list[Participant], Meta(description="The others, in order of joining.")]
    own_sources: Annotated[list[OwnSource], Meta(description="What the client publishes; empty but after a resume.")]
    ice_servers: list[IceServer]
    server: Server
    limits: Limits
    room: Room
    chat: Annotated[list[ChatMessage], Meta(description="What was written to the client so far, oldest first.")]
    stills: Annotated[
        list[Still], Meta(description="Pictures that the client asked for, or is asked for; empty but after a resume.")
    ]
    consent: Annotated[ConsentRequest, Meta(description="The recording at hand, if there is one.")] | UnsetType = UNSET
    video_consented: (
        Annotated[bool, Meta(description="What the client has answered, asked to consent to video.")] | UnsetType
    ) = UNSET
    lobby: (
        Annotated[Lobby, Meta(description="The client waits: it sees nothing of the room and may not publish.")]
        | UnsetType
    ) = UNSET
    waiting: (
        Annotated[list[WaitingParticipant], Meta(description="For hosts: who waits, the next one first.")] | UnsetType
    ) = UNSET
    proposals: Annotated[list[Proposal], Meta(description="For hosts: what they have to decide.")] | UnsetType = UNSET


class Published(Reply, tag="published"):
    """The answer for the publish connection, and all sources of the client as the room now has them."""

    answer: Sdp
    sources: list[OwnSource]
    rejected: Annotated[list[RejectedSource], Meta(description="What was offered and not taken.")]


class Done(Reply, tag="done"):
    """The request was carried out, and there is nothing to add."""


class Invitation(Reply, tag="invitation"):
    """A link into the room, for one person and one browser, who waits to be let in. It is told this once."""

    invitation_id: str
    link: str
    qr: Annotated[
        list[str],
        Meta(description="The link as a QR code (ISO/IEC 18004): its rows, `1` for a dark module, without a border."),
    ]
    role: str
    level: Annotated[str, Meta(description="The sign-in that it takes; `none` for a guest.")]
    expires_seconds: Annotated[int, Meta(description="How long it can be used.")]


class Stats(Reply, tag="stats"):
    """What the bridge counts; null for a connection that does not stand."""

    publish: ConnectionStats | None
    subscribe: ConnectionStats | None


class Pong(Reply, tag="pong"):
    """Here."""


class Error(Notice, tag="error"):
    """A request was refused and changed nothing; the session goes on unless a close code follows."""

    code: Annotated[str, Meta(description="A stable word that programs compare.")]
    message: Annotated[str, Meta(description="One sentence in plain English.")]
    reply_to: ReplyTo | UnsetType = UNSET
    field: Annotated[str, Meta(description="The part of the request that is at fault.")] | UnsetType = UNSET
    hint: Annotated[str, Meta(description="How to mend it.")] | UnsetType = UNSET
    grant: Annotated[str, Meta(description="For `not_granted`: the grant that was missing.")] | UnsetType = UNSET


class SubscribeOffer(Notice, tag="subscribe_offer"):
    """An offer for the subscribe connection, to be answered by `subscribe_answer`.

    One offer is outstanding at a time; what changes meanwhile goes into the next one. An offer that arrives before the
    earlier one was answered (only after a resume or an ICE restart) takes its place.
    """

    negotiation: Negotiation
    offer: Sdp
    tracks: Annotated[list[Track], Meta(description="Every m-line that sends, new or old; others are inactive.")]


class ParticipantJoined(Notice, tag="participant_joined"):
    """Someone entered the room."""

    participant: Participant


class ParticipantUpdated(Notice, tag="participant_updated"):
    """Name, role or state of someone changed; the whole participant as it is now."""

    participant: Participant


class ParticipantLeft(Notice, tag="participant_left"):
    """Someone is gone, with all their sources."""

    participant_id: ParticipantId
    reason: Annotated[
        LeftReason,
        Meta(
            description="`replaced`: the same identity joined anew, as by reloading its page; `timed_out`: its "
            "signalling was lost and not resumed; `media_lost`: so was its media, before the time to resume was over; "
            "`sent_back`: to the lobby."
        ),
    ]


class SourceAdded(Notice, tag="source_added"):
    """Someone publishes a further source."""

    participant_id: ParticipantId
    source: Source


class SourceUpdated(Notice, tag="source_updated"):
    """A source was muted, unmuted, or switched to another."""

    participant_id: ParticipantId
    source: Source


class SourceRemoved(Notice, tag="source_removed"):
    """A source is no longer published."""

    participant_id: ParticipantId
    source_id: SourceId


class AudioLevels(Notice, tag="audio_levels"):
    """Who speaks, loudest first; at most five times a second and only while it changes. Left out is silent."""

    levels: list[AudioLevel]


class ActiveSpeaker(Notice, tag="active_speaker"):
    """Who speaks, or spoke last: whose picture to show large. It changes neither for a cough nor for a pause.

    It may be the client itself.
    """

    participant_id: Annotated[ParticipantId | None, Meta(description="null when the one who spoke last is gone.")]
    source_id: Annotated[SourceId | None, Meta(description="The microphone (or other sound) that is heard.")]


class Quality(Notice, tag="quality"):
    """How good somebody's lines are, the client's own or another's: told when it changes, every few seconds at most.

    An estimate from what the bridge counts: delay, loss and what repairs it. A score is the mean opinion score of the
    E-model (ITU-T G.107) for the sound, 1 to 4.5.
    """

    participant_id: ParticipantId
    publish: Annotated[QualityLevelName | None, Meta(description="Of what they send; null while nothing is known.")]
    subscribe: Annotated[QualityLevelName | None, Meta(description="Of what they receive.")]
    publish_mos: float | None
    subscribe_mos: float | None


class ConnectionState(Notice, tag="connection_state"):
    """The state of a connection as the bridge sees it."""

    connection: ConnectionName
    state: Annotated[
        PeerConnectionState,
        Meta(description="As RTCPeerConnection.connectionState; `disconnected`: the client's consent ran out."),
    ]


class MediaFlow(Notice, tag="media_flow"):
    """The watchdog of a source changed its mind: media came to a stop that nobody asked for, or flows again."""

    source_id: SourceId
    direction: Annotated[
        Literal["to_bridge", "from_bridge"],
        Meta(description="`to_bridge`: from its publisher (told to all); `from_bridge`: to this client (told to it)."),
    ]
    state: Literal["live", "stalled"]


class VideoState(Notice, tag="video_state"):
    """What the line to this client makes of a video that it receives; `full` until told otherwise.

    Told when it changes; a video does not come back before the line has carried more for a while. Clients say so in
    words: a picture that stands still must not be taken for the other's stillness.
    """

    source_id: SourceId
    state: Annotated[
        VideoStateName,
        Meta(
            description="`full`: all that is of use; `reduced`: smaller or fewer pictures; `stills`: a picture about "
            "every two seconds; `paused`: none, the line carries sound only. It comes back by itself."
        ),
    ]


class SubscriptionFailed(Notice, tag="subscription_failed"):
    """A source cannot be sent to this client. It is tried again when the source or the client's answer changes."""

    source_id: SourceId
    code: Annotated[str, Meta(description="Such as `unsupported_codec`.")]
    message: str


class MediaMode(Notice, tag="media_mode"):
    """How far the bridge opens the media of this room. Told on change; until it is told, the mode is `forwarded`.

    Media is encrypted between each client and the bridge in both modes.
    """

    mode: Annotated[
        Literal["forwarded", "transcoded"],
        Meta(
            description="`forwarded`: the bridge decrypts packets and encrypts them for each receiver, and decodes "
            "nothing; `transcoded`: it also decodes the sources listed, for those who lack their codec."
        ),
    ]
    transcoded: list[TranscodedSource]


class View(Notice, tag="view"):
    """Whether this client gets the pictures of the room composed into one. Told when it changes; at first it does not.

    The tracks follow by `subscribe_offer`. What is left behind is sent until what comes in its place is there.
    """

    view: Literal["separate", "composed"]
    reason: Annotated[
        Literal["asked", "thin_line", "good_line", "legs_exhausted", "leg_failed", "unsupported_codec"],
        Meta(
            description="`asked`: by the client or by its role; `thin_line`, `good_line`: by what the line carries; "
            "`legs_exhausted`, `leg_failed`, `unsupported_codec`: it should be composed and cannot be, so that the "
            "client gets what can be forwarded. It is tried again after a while."
        ),
    ]


class Encodings(Notice, tag="encodings"):
    """Which encodings of a source of the client itself are received by anybody.

    The client should stop sending the others (`RTCRtpSender.setParameters`, `active`) and start again those that are
    wanted again, at once. Until it is told, all are wanted. A client that takes no notice of it wastes its uplink and
    nothing else.
    """

    source_id: SourceId
    encodings: Annotated[list[WantedEncoding], Meta(description="All that the bridge took, in the offer's order.")]
    max_bitrate: Annotated[
        int | None,
        Meta(
            description="What each of them should take at most (`maxBitrate`), in bit/s: no receiver's line carries "
            "more of it now; of sound: somebody's line does not carry it as it is. Null for no bound. Changes as lines "
            "do, a few times a second at most."
        ),
    ]


class IceRestartRequested(Notice, tag="ice_restart_requested"):
    """The bridge asks for a `publish` whose offer is made with `iceRestart`."""

    connection: Literal["publish"]


class LobbyChanged(Notice, tag="lobby_changed"):
    """The client waits, and its place, the time to expect or the hosts' presence changed."""

    lobby: Lobby


class LobbyMessaged(Notice, tag="lobby_message"):
    """A host wrote to the client, which waits."""

    message: LobbyMessage


class Admitted(Notice, tag="admitted"):
    """The client waited and is in the room now: from here on it may publish, and is told of the others."""

    participants: Annotated[list[Participant], Meta(description="The others, in order of joining.")]
    room: Room
    chat: Annotated[list[ChatMessage], Meta(description="What was written to the client before, oldest first.")]
    waiting: list[WaitingParticipant] | UnsetType = UNSET
    proposals: list[Proposal] | UnsetType = UNSET


class SentToLobby(Notice, tag="sent_to_lobby"):
    """The client was in the room and waits now. Its connections are gone; once admitted it makes new ones."""

    lobby: Lobby


class WaitingJoined(Notice, tag="waiting_joined"):
    """For hosts: someone is ready, and waits to be let in."""

    participant: WaitingParticipant


class WaitingUpdated(Notice, tag="waiting_updated"):
    """For hosts: someone who waits changed; the whole entry as it is now."""

    participant: WaitingParticipant


class WaitingLeft(Notice, tag="waiting_left"):
    """For hosts: someone does not wait any more. After `admitted`, `participant_joined` follows."""

    participant_id: ParticipantId
    reason: WaitingLeftReason


class QueuesChanged(Notice, tag="queues_changed"):
    """For hosts: who waits in the queues that the room takes from, all anew. Until it is told, there are none."""

    queues: list[Queue]


class GrantsChanged(Notice, tag="grants_changed"):
    """What the client may do changed: a host handed its office over to it, or it did so itself."""

    grants: list[str]
    waiting: Annotated[list[WaitingParticipant], Meta(description="For hosts: who waits.")] | UnsetType = UNSET
    proposals: Annotated[list[Proposal], Meta(description="For hosts: what they have to decide.")] | UnsetType = UNSET


class ChatSaid(Notice, tag="chat_message"):
    """Somebody wrote to the room, or to the client alone; or the client itself wrote."""

    message: ChatMessage


class InvitationProposed(Notice, tag="invitation_proposed"):
    """For hosts: somebody would have another person invited. Answer by `create_invitation` or `decline_proposal`."""

    proposal: Proposal


class ProposalAnswered(Notice, tag="proposal_answered"):
    """A host decided about a proposal: told to hosts, and to whoever made it."""

    proposal: Proposal
    accepted: bool


class ConsentAsked(Notice, tag="consent_asked"):
    """The client is asked to consent to a recording, in the room or, once it was let in, before it enters."""

    consent: ConsentRequest


class RecordingFailed(Notice, tag="recording_failed"):
    """The recording ended by itself. What was recorded before is kept; `room_changed` follows."""

    code: Annotated[
        str,
        Meta(
            description="Why: `recording_no_space`, `recording_unwritable`, `legs_exhausted`, `leg_failed`, "
            "`media_lost`, `recorder_removed`; others may come."
        ),
    ]


class RoomChanged(Notice, tag="room_changed"):
    """What holds for the room as a whole changed."""

    room: Room


class MutedByHost(Notice, tag="muted_by_host"):
    """A host muted a source of the client's own. It may unmute it by `update_source`."""

    source_id: SourceId


class StoppedByHost(Notice, tag="stopped_by_host"):
    """A host took a source of the client's own out of the room: its shared screen."""

    source_id: SourceId


class UnmuteAsked(Notice, tag="unmute_asked"):
    """A host asks the client to unmute its microphone. It is for the user to decide."""

    participant_id: Annotated[ParticipantId, Meta(description="The host.")]


class Closing(Notice, tag="closing"):
    """The last message of a session that the bridge ends; the WebSocket is closed right after it."""

    code: Annotated[str, Meta(description="A stable word, such as `replaced` or `shutting_down`.")]
    message: str
    close_code: Annotated[int, Meta(description="The close code that follows.")]
    retry: Annotated[bool, Meta(description="Whether joining again (not resuming) may work.")]


ServerMessage = (
    Joined
    | Published
    | Done
    | Invitation
    | Stats
    | Pong
    | Error
    | SubscribeOffer
    | ParticipantJoined
    | ParticipantUpdated
    | ParticipantLeft
    | SourceAdded
    | SourceUpdated
    | SourceRemoved
    | AudioLevels
    | ActiveSpeaker
    | Quality
    | ConnectionState
    | MediaFlow
    | VideoState
    | SubscriptionFailed
    | MediaMode
    | View
    | Encodings
    | IceRestartRequested
    | LobbyChanged
    | LobbyMessaged
    | Admitted
    | SentToLobby
    | WaitingJoined
    | WaitingUpdated
    | WaitingLeft
    | QueuesChanged
    | GrantsChanged
    | ChatSaid
    | ConsentAsked
    | RecordingFailed
    | InvitationProposed
    | ProposalAnswered
    | RoomChanged
    | MutedByHost
    | StoppedByHost
    | UnmuteAsked
    | StillReplies
    | StillNotices
    | Closing
)
