"""What a call tells its door. Room events are passed on as they are; the rest is here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge.room import (
    ChatMessage,
    ConsentRequest,
    EndReason,
    InvitationProposed,
    LobbyMessage,
    LobbyView,
    MediaKind,
    Participant,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    Proposal,
    ProposalAnswered,
    QueueView,
    RecordingFailed,
    RoomChanged,
    RoomState,
    Source,
    SourceAdded,
    SourceName,
    SourceRemoved,
    SourceUpdated,
    StillEnd,
    StillRequest,
    UnmuteAsked,
    WaitingJoined,
    WaitingLeft,
    WaitingUpdated,
)
from bridge.sfu import ConnectionKind, ConnectionState, QualityReport, VideoState, ViewState, WantedEncodings


@dataclass(frozen=True, slots=True)
class Track:
    """Which source an m-line of the bridge's offer carries."""

    mid: str
    participant_id: str
    source_id: int
    name: SourceName
    kind: MediaKind


@dataclass(frozen=True, slots=True)
class SubscribeOffered:
    """An offer for the client's subscribe connection. It supersedes earlier ones."""

    sdp: str
    revision: int
    tracks: tuple[Track, ...]
    composed: str | None = None
    """MID of the m-line that carries the composed picture."""


@dataclass(frozen=True, slots=True)
class SubscriptionRefused:
    """A source cannot be sent to the client."""

    source_id: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class SourceLevel:
    """How loud a source is: −dBov, 0 is loudest, 127 is silence (RFC 6464)."""

    participant_id: str
    source_id: int
    level: int
    voice: bool


@dataclass(frozen=True, slots=True)
class AudioLevels:
    """Who speaks, loudest first."""

    levels: tuple[SourceLevel, ...]


@dataclass(frozen=True, slots=True)
class ActiveSpeaker:
    """Who speaks, or spoke last: whose picture to show large."""

    participant_id: str | None
    source_id: int | None
    """Of the microphone (or other sound) that is heard."""


@dataclass(frozen=True, slots=True)
class TranscodedSource:
    """A source that a leg of the bridge makes anew for those who lack its codec."""

    source_id: int
    kind: MediaKind
    codec: str
    """As it is sent."""
    into: str
    """As it is received."""
    reason: str
    receivers: int


@dataclass(frozen=True, slots=True)
class MediaModeChanged:
    """Whether media is only forwarded in this room, or also decrypted and decoded inside the bridge, and of whom."""

    transcoded: tuple[TranscodedSource, ...]


@dataclass(frozen=True, slots=True)
class ViewChanged:
    """The client gets the pictures of the room composed now, or each on its own again."""

    state: ViewState


@dataclass(frozen=True, slots=True)
class QualityChanged:
    """How good somebody's lines are, as the bridge estimates them."""

    participant_id: str
    report: QualityReport


@dataclass(frozen=True, slots=True)
class ConnectionChanged:
    """A connection of the client changed its state."""

    kind: ConnectionKind
    state: ConnectionState


@dataclass(frozen=True, slots=True)
class FlowChanged:
    """A watchdog saw media stop or flow again: from a source to the bridge, or from the bridge to the client."""

    source_id: int
    to_bridge: bool
    live: bool


@dataclass(frozen=True, slots=True)
class VideoStateChanged:
    """What the client's line makes of a video that it receives."""

    source_id: int
    state: VideoState


@dataclass(frozen=True, slots=True)
class EncodingsWanted:
    """Which encodings of a source of the client's own anybody is to receive; it may stop sending the others."""

    source_id: int
    rids: tuple[str | None, ...]
    """In the order of the offer; None for an encoding that has none."""
    wanted: WantedEncodings


@dataclass(frozen=True, slots=True)
class IceRestartWanted:
    """The client is asked to restart ICE on its publish connection."""


@dataclass(frozen=True, slots=True)
class LobbyChanged:
    """The client waits, and what it may know of that changed."""

    view: LobbyView


@dataclass(frozen=True, slots=True)
class LobbyTold:
    """A host wrote to the client, which waits."""

    message: LobbyMessage


@dataclass(frozen=True, slots=True)
class Wrote:
    """Somebody wrote to the room, or to the client, or the client itself did."""

    message: ChatMessage
    age: float
    """Seconds since."""


@dataclass(frozen=True, slots=True)
class LetIn:
    """The client, which waited, is in the room."""

    others: tuple[Participant, ...]
    waiting: tuple[Participant, ...] | None
    """Who waits; None for those who do not decide about it."""
    state: RoomState
    chat: tuple[Wrote, ...]
    """What was written to the client so far."""
    proposals: tuple[Proposal, ...] | None
    """Whom somebody would have invited; None for those who do not decide about it."""


@dataclass(frozen=True, slots=True)
class SentToLobby:
    """The client, which was in the room, waits. Its media is let go of."""

    view: LobbyView


@dataclass(frozen=True, slots=True)
class GrantsChanged:
    """What the client may do changed."""

    grants: frozenset[str]
    waiting: tuple[Participant, ...] | None
    """Who waits; None for those who do not decide about it."""
    proposals: tuple[Proposal, ...] | None
    """Whom somebody would have invited; None likewise."""


@dataclass(frozen=True, slots=True)
class AskedToConsent:
    """The client is asked to consent to a recording."""

    request: ConsentRequest
    consented: bool = False
    """Whether it has done so already, and may take it back."""


@dataclass(frozen=True, slots=True)
class QueuesChanged:
    """Who waits in the queues of the client's room; none for those who do not decide about it."""

    queues: tuple[QueueView, ...]


@dataclass(frozen=True, slots=True)
class StillNotice:
    """The client is asked for a still picture of its camera, or the one that it asked for is ready."""

    request: StillRequest


@dataclass(frozen=True, slots=True)
class StillOver:
    """A still picture that the client asked for, or is asked for, is asked for no longer."""

    still_id: str
    reason: StillEnd


@dataclass(frozen=True, slots=True)
class MutedByHost:
    """A host muted a source of the client's own."""

    source: Source


@dataclass(frozen=True, slots=True)
class StoppedByHost:
    """A host took a source of the client's own out of the room."""

    source: Source


@dataclass(frozen=True, slots=True)
class TakenOver:
    """Another connection of the same client holds the call now. The last notice to this listener."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over. The last notice."""

    reason: EndReason


MediaNotice = (
    SubscribeOffered
    | SubscriptionRefused
    | AudioLevels
    | ActiveSpeaker
    | MediaModeChanged
    | ViewChanged
    | QualityChanged
    | ConnectionChanged
    | FlowChanged
    | VideoStateChanged
    | EncodingsWanted
    | IceRestartWanted
)

Notice = (
    ParticipantJoined
    | ParticipantUpdated
    | ParticipantLeft
    | SourceAdded
    | SourceUpdated
    | SourceRemoved
    | MediaNotice
    | LobbyChanged
    | LobbyTold
    | LetIn
    | SentToLobby
    | GrantsChanged
    | Wrote
    | AskedToConsent
    | QueuesChanged
    | StillNotice
    | StillOver
    | MutedByHost
    | StoppedByHost
    | WaitingJoined
    | WaitingUpdated
    | WaitingLeft
    | RoomChanged
    | RecordingFailed
    | UnmuteAsked
    | InvitationProposed
    | ProposalAnswered
    | TakenOver
    | Ended
)

CallListener = Callable[[Notice], None]
"""Called on the event loop; must not block and not raise."""
