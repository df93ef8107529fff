"""What rooms tell their listeners. Told in the order in which it happened, after the change is complete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.room.bans import Ban
from bridge.room.model import (
    ChatMessage,
    ConsentRequest,
    EndReason,
    LobbyMessage,
    Participant,
    Proposal,
    RoomState,
    Source,
    StillEnd,
    StillRequest,
)


@dataclass(frozen=True, slots=True)
class RoomOpened:
    """A first participant is about to be in."""

    room_id: str


@dataclass(frozen=True, slots=True)
class RoomClosed:
    """Nobody is in the room any more, and its id may be used for a new one."""

    room_id: str
    reason: EndReason


@dataclass(frozen=True, slots=True)
class ParticipantJoined:
    """Someone is in. Its sources follow as events of their own."""

    room_id: str
    participant: Participant


@dataclass(frozen=True, slots=True)
class ParticipantUpdated:
    """Connectedness, name, role or grants changed; `participant` is how it is now."""

    room_id: str
    participant: Participant


@dataclass(frozen=True, slots=True)
class ParticipantLeft:
    """Someone is out, after its sources and sessions."""

    room_id: str
    participant_id: str
    reason: EndReason


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """A session cannot be used or resumed any more: whoever holds its connection or media lets go of them."""

    room_id: str
    participant_id: str
    session_id: str
    reason: EndReason


@dataclass(frozen=True, slots=True)
class SourceAdded:
    """A participant began to send a source."""

    room_id: str
    participant_id: str
    source: Source


@dataclass(frozen=True, slots=True)
class SourceUpdated:
    """A source was muted, unmuted, switched or interrupted, or its upload changed; `source` is how it is now."""

    room_id: str
    participant_id: str
    source: Source


@dataclass(frozen=True, slots=True)
class SourceRemoved:
    """A participant no longer sends a source."""

    room_id: str
    participant_id: str
    source: Source


@dataclass(frozen=True, slots=True)
class WaitingJoined:
    """Someone stands in the lobby. For hosts only."""

    room_id: str
    participant: Participant


@dataclass(frozen=True, slots=True)
class WaitingUpdated:
    """Someone in the lobby changed; `participant` is how it is now. For hosts only."""

    room_id: str
    participant: Participant


@dataclass(frozen=True, slots=True)
class WaitingLeft:
    """Someone is no longer in the lobby. For hosts only."""

    room_id: str
    participant_id: str
    reason: EndReason | None
    """None for someone who was let in, and joins next."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Someone who waited is in the room, with all its sessions. The others are told by `ParticipantJoined`."""

    room_id: str
    participant_id: str


@dataclass(frozen=True, slots=True)
class Moved:
    """Someone who waited in a queue waits in another room now, with all its sessions, about to be let in there."""

    room_id: str
    """The queue's."""
    participant_id: str
    to: str
    """The room's id."""
    session_ids: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SentBack:
    """Someone who was in the room waits, with all its sessions. The others are told by `ParticipantLeft`."""

    room_id: str
    participant_id: str


@dataclass(frozen=True, slots=True)
class LobbyMessaged:
    """A host wrote to those who wait, or to one of them."""

    room_id: str
    recipients: frozenset[str]
    """Ids of participants."""
    message: LobbyMessage


@dataclass(frozen=True, slots=True)
class RoomChanged:
    """What holds for the room as a whole changed; `state` is how it is now."""

    room_id: str
    state: RoomState


@dataclass(frozen=True, slots=True)
class SourceMuted:
    """A host muted somebody's source. `SourceUpdated` came before it."""

    room_id: str
    participant_id: str
    source: Source


@dataclass(frozen=True, slots=True)
class SourceStopped:
    """A host stopped somebody's source. `SourceRemoved` came before it."""

    room_id: str
    participant_id: str
    source: Source


@dataclass(frozen=True, slots=True)
class UnmuteAsked:
    """A host asks somebody to unmute; nobody's microphone is opened from afar."""

    room_id: str
    participant_id: str
    by: str
    """The host's id."""


@dataclass(frozen=True, slots=True)
class ChatSaid:
    """Somebody wrote to the room, or to one in it."""

    room_id: str
    recipients: frozenset[str]
    """Ids of participants, the writer's among them."""
    message: ChatMessage


@dataclass(frozen=True, slots=True)
class ConsentAsked:
    """Somebody in the room, or about to enter it, is asked to consent to a recording."""

    room_id: str
    recipients: frozenset[str]
    """Ids of participants."""
    request: ConsentRequest


@dataclass(frozen=True, slots=True)
class ConsentAnswered:
    """Somebody consented to a recording, or did not, or took it back. To be kept, with the text's version."""

    room_id: str
    participant_id: str
    request: ConsentRequest
    consents: bool
    text_version: str
    """Of the text that they were asked by."""
    by_vendor: bool = False
    """Whether their vendor's system asked them, and handed the answer in."""


@dataclass(frozen=True, slots=True)
class RecordingFailed:
    """The recording at hand ended by itself. What was recorded before is kept."""

    room_id: str
    code: str
    """Why: `recording_no_space`, `recording_unwritable`, `legs_exhausted`, `leg_failed` …."""


@dataclass(frozen=True, slots=True)
class VideoConsentAnswered:
    """Somebody consented to being seen, or did not, or took it back. To be kept, with the text's version."""

    room_id: str
    participant_id: str
    text_version: str
    consents: bool
    by_vendor: bool = False
    """Whether their vendor's system asked them, and handed the answer in."""


@dataclass(frozen=True, slots=True)
class InvitationProposed:
    """Somebody would have another person invited. For hosts only, who decide."""

    room_id: str
    proposal: Proposal


@dataclass(frozen=True, slots=True)
class ProposalAnswered:
    """A host has decided about a proposal. For hosts, and for whoever proposed it."""

    room_id: str
    proposal: Proposal
    accepted: bool


@dataclass(frozen=True, slots=True)
class StillAsked:
    """Somebody asks for a still picture of another's camera."""

    room_id: str
    request: StillRequest


@dataclass(frozen=True, slots=True)
class StillAnswered:
    """Somebody consented to one still picture, or did not. To be kept, with the text's version."""

    room_id: str
    request: StillRequest
    consents: bool
    text_version: str


@dataclass(frozen=True, slots=True)
class StillReady:
    """A still picture waits for whoever asked for it."""

    room_id: str
    request: StillRequest


@dataclass(frozen=True, slots=True)
class StillEnded:
    """The request for a still picture is over, and so is the picture: nobody keeps it any longer."""

    room_id: str
    request: StillRequest
    reason: StillEnd


@dataclass(frozen=True, slots=True)
class HostDecided:
    """A host decided something, and what follows from it comes next. For the records, not for clients."""

    room_id: str
    by: str
    """The host's id."""
    decision: str
    """The method of `Moderation`, such as "admit"."""
    participant_id: str | None = None
    """Whom it is about; None for the room."""


@dataclass(frozen=True, slots=True)
class TokenBanned:
    """A token lets nobody in any more, since its owner was taken out. To be kept."""

    room_id: str
    ban: Ban


RoomEvent = (
    RoomOpened
    | RoomClosed
    | ParticipantJoined
    | ParticipantUpdated
    | ParticipantLeft
    | SessionEnded
    | SourceAdded
    | SourceUpdated
    | SourceRemoved
    | WaitingJoined
    | WaitingUpdated
    | WaitingLeft
    | Admitted
    | Moved
    | SentBack
    | LobbyMessaged
    | RoomChanged
    | SourceMuted
    | SourceStopped
    | UnmuteAsked
    | HostDecided
    | ChatSaid
    | ConsentAsked
    | ConsentAnswered
    | VideoConsentAnswered
    | RecordingFailed
    | InvitationProposed
    | StillAsked
    | StillAnswered
    | StillReady
    | StillEnded
    | ProposalAnswered
    | TokenBanned
)

RoomListener = Callable[[RoomEvent], None]
"""Called once per event. It may call `Rooms` again: what follows from that is told after the event at hand."""
