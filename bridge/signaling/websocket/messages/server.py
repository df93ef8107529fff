"""What the bridge sends: replies (with `reply_to`), one error shape, and notices."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from bridge.signaling.websocket.messages.media import MediaNotices
from bridge.signaling.websocket.messages.parts import (
    ChatMessage,
    ConnectionStats,
    ConsentRequest,
    IceServer,
    Limits,
    Lobby,
    LobbyMessage,
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
    WaitingParticipant,
)
from bridge.signaling.websocket.messages.stills import Still, StillNotices, StillReplies

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


FreshToken = Annotated[
    str, Meta(description="To join anew with, in place of the one that the client came by, which ends earlier.")
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
    token: FreshToken | UnsetType = UNSET


class TokenRenewed(Notice, tag="token_renewed"):
    """Time has gone by: here is the next one."""

    token: FreshToken


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
    """A source was muted, unmuted, or switched to another, or its sender's line makes something else of it.

    Or its sender's system interrupts it, or no longer does.
    """

    participant_id: ParticipantId
    source: Source


class SourceRemoved(Notice, tag="source_removed"):
    """A source is no longer published."""

    participant_id: ParticipantId
    source_id: SourceId


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
    | ParticipantJoined
    | ParticipantUpdated
    | ParticipantLeft
    | SourceAdded
    | SourceUpdated
    | SourceRemoved
    | TokenRenewed
    | MediaNotices
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
