"""From what calls tell to the messages that say so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import segno
from msgspec import UNSET, UnsetType

from bridge.errors import BridgeError
from bridge.room import (
    EndReason,
    InvitationProposed,
    LobbyMessage,
    LobbyView,
    NotGrantedError,
    Participant,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    Proposal,
    ProposalAnswered,
    RecordingFailed,
    RoomChanged,
    RoomState,
    Source,
    SourceAdded,
    SourceRemoved,
    SourceUpdated,
    UnmuteAsked,
    WaitingJoined,
    WaitingLeft,
    WaitingUpdated,
)
from bridge.signaling.calls import (
    AskedToConsent,
    Ended,
    GrantsChanged,
    Invited,
    LetIn,
    LobbyChanged,
    LobbyTold,
    MutedByHost,
    Notice,
    OwnSource,
    Published,
    QueuesChanged,
    SentToLobby,
    StillNotice,
    StillOver,
    StoppedByHost,
    TakenOver,
    Wrote,
)
from bridge.signaling.websocket import close_codes
from bridge.signaling.websocket.close_codes import Farewell
from bridge.signaling.websocket.media import media_notified, source_name
from bridge.signaling.websocket.messages import parts, server
from bridge.signaling.websocket.stills import still_notified

_LEFT_REASONS: dict[EndReason, server.LeftReason] = {
    EndReason.LEFT: "left",
    EndReason.REPLACED: "replaced",
    EndReason.TIMED_OUT: "timed_out",
    EndReason.MEDIA_LOST: "media_lost",
    EndReason.REFUSED: "refused",
    EndReason.REMOVED: "removed",
    EndReason.SENT_BACK: "sent_back",
    EndReason.ENDED: "ended",
    EndReason.TIME_IS_UP: "time_is_up",
    EndReason.SHUTTING_DOWN: "shutting_down",
}

_WAITING_LEFT_REASONS: dict[EndReason | None, server.WaitingLeftReason] = {
    None: "admitted",
    EndReason.LEFT: "left",
    EndReason.REPLACED: "replaced",
    EndReason.TIMED_OUT: "timed_out",
    EndReason.MEDIA_LOST: "media_lost",
    EndReason.REFUSED: "refused",
    EndReason.REMOVED: "removed",
    EndReason.TIME_IS_UP: "time_is_up",
    EndReason.SHUTTING_DOWN: "shutting_down",
}

Notified = server.ServerMessage | Farewell
"""What a notice becomes: a message, or the end of the connection."""


def notified(notice: Notice) -> Notified:
    """What to tell the client."""
    match notice:
        case ParticipantJoined():
            return server.ParticipantJoined(participant=participant(notice.participant))
        case ParticipantUpdated():
            return server.ParticipantUpdated(participant=participant(notice.participant))
        case ParticipantLeft():
            return server.ParticipantLeft(participant_id=notice.participant_id, reason=_LEFT_REASONS[notice.reason])
        case SourceAdded():
            return server.SourceAdded(participant_id=notice.participant_id, source=source(notice.source))
        case SourceUpdated():
            return server.SourceUpdated(participant_id=notice.participant_id, source=source(notice.source))
        case SourceRemoved():
            return server.SourceRemoved(participant_id=notice.participant_id, source_id=str(notice.source.id))
        case TakenOver():
            return close_codes.RESUMED_ELSEWHERE
        case Ended():
            return close_codes.ended(notice.reason)
        case StillNotice() | StillOver():
            return still_notified(notice)
        case (
            LobbyChanged()
            | LobbyTold()
            | LetIn()
            | SentToLobby()
            | WaitingJoined()
            | WaitingUpdated()
            | WaitingLeft()
            | QueuesChanged()
            | GrantsChanged()
            | Wrote()
            | AskedToConsent()
            | RoomChanged()
            | RecordingFailed()
            | MutedByHost()
            | StoppedByHost()
            | UnmuteAsked()
            | InvitationProposed()
            | ProposalAnswered()
        ):
            return _moderation_notified(notice)
        case _:
            return media_notified(notice)


def _moderation_notified(
    notice: (
        LobbyChanged
        | LobbyTold
        | LetIn
        | SentToLobby
        | WaitingJoined
        | WaitingUpdated
        | WaitingLeft
        | QueuesChanged
        | GrantsChanged
        | Wrote
        | AskedToConsent
        | RoomChanged
        | RecordingFailed
        | MutedByHost
        | StoppedByHost
        | UnmuteAsked
        | InvitationProposed
        | ProposalAnswered
    ),
) -> server.ServerMessage:
    match notice:
        case LobbyChanged():
            return server.LobbyChanged(lobby=lobby(notice.view))
        case LobbyTold():
            return server.LobbyMessaged(message=lobby_message(notice.message))
        case LetIn():
            others = [participant(other) for other in notice.others]
            chat = [chat_message(wrote) for wrote in notice.chat]
            who_waits = waiting(notice.waiting)
            proposed = proposals(notice.proposals)
            return server.Admitted(
                participants=others, room=room(notice.state), chat=chat, waiting=who_waits, proposals=proposed
            )
        case SentToLobby():
            return server.SentToLobby(lobby=lobby(notice.view))
        case WaitingJoined():
            return server.WaitingJoined(participant=waiting_participant(notice.participant))
        case WaitingUpdated():
            return server.WaitingUpdated(participant=waiting_participant(notice.participant))
        case WaitingLeft():
            reason = _WAITING_LEFT_REASONS[notice.reason]
            return server.WaitingLeft(participant_id=notice.participant_id, reason=reason)
        case QueuesChanged():
            queues = [
                parts.Queue(queue.name, [waiting_participant(each) for each in queue.waiting])
                for queue in notice.queues
            ]
            return server.QueuesChanged(queues=queues)
        case GrantsChanged():
            return server.GrantsChanged(
                grants=sorted(notice.grants), waiting=waiting(notice.waiting), proposals=proposals(notice.proposals)
            )
        case Wrote():
            return server.ChatSaid(message=chat_message(notice))
        case AskedToConsent():
            return server.ConsentAsked(consent=consent_request(notice))
        case RoomChanged():
            return server.RoomChanged(room=room(notice.state))
        case RecordingFailed():
            return server.RecordingFailed(code=notice.code)
        case MutedByHost():
            return server.MutedByHost(source_id=str(notice.source.id))
        case StoppedByHost():
            return server.StoppedByHost(source_id=str(notice.source.id))
        case InvitationProposed():
            return server.InvitationProposed(proposal=proposal(notice.proposal))
        case ProposalAnswered():
            return server.ProposalAnswered(proposal=proposal(notice.proposal), accepted=notice.accepted)
        case UnmuteAsked():
            return server.UnmuteAsked(participant_id=notice.by)


def error(problem: BridgeError, reply_to: int | None) -> server.Error:
    """The refusal of a request, or of something that was none."""
    return server.Error(
        code=problem.code,
        message=problem.message,
        reply_to=UNSET if reply_to is None else reply_to,
        field=UNSET if problem.field is None else problem.field,
        hint=UNSET if problem.hint is None else problem.hint,
        grant=problem.grant if isinstance(problem, NotGrantedError) else UNSET,
    )


def closing(farewell: Farewell) -> server.Closing:
    """The last message of a connection."""
    return server.Closing(
        code=farewell.code, message=farewell.message, close_code=farewell.close_code, retry=farewell.retry
    )


def published(result: Published, reply_to: int) -> server.Published:
    """The answer to `publish`."""
    rejected = [parts.RejectedSource(problem.mid, problem.code, problem.message) for problem in result.rejected]
    return server.Published(
        reply_to=reply_to, answer=result.answer, sources=own_sources(result.sources), rejected=rejected
    )


def participant(of: Participant) -> parts.Participant:
    """Someone, as the others may see them: without their identity."""
    return parts.Participant(
        id=of.id,
        name=of.name,
        role=of.role,
        state="connected" if of.connected else "reconnecting",
        sources=[source(each) for each in of.sources],
        level=of.level,
        hand_raised=of.hand_raised,
        companions=list(of.companions),
        may_host=of.may_host,
        consent_pending=of.consent_pending,
        consented_by_vendor=of.consented_by_vendor,
    )


def waiting_participant(of: Participant) -> parts.WaitingParticipant:
    """Someone in the lobby, as hosts see them."""
    state: Literal["connected", "reconnecting"] = "connected" if of.connected else "reconnecting"
    return parts.WaitingParticipant(of.id, of.name, of.role, of.level, state, of.consent_pending)


def waiting(of: Sequence[Participant] | None) -> list[parts.WaitingParticipant] | UnsetType:
    """The lobby, for hosts."""
    return UNSET if of is None else [waiting_participant(each) for each in of]


def proposal(of: Proposal) -> parts.Proposal:
    """Whom somebody would have invited."""
    return parts.Proposal(of.id, of.participant_id, of.by, of.role, of.name)


def proposals(of: Sequence[Proposal] | None) -> list[parts.Proposal] | UnsetType:
    """What hosts have to decide."""
    return UNSET if of is None else [proposal(each) for each in of]


def invitation(made: Invited, origin: str, reply_to: int) -> server.Invitation:
    """The answer to `create_invitation`; `origin` is where the page is."""
    # The fragment never reaches a server or its logs.
    link = f"{origin}/signin#{made.code}"
    rows = segno.make(link, error="m", micro=False).matrix
    return server.Invitation(
        reply_to=reply_to,
        invitation_id=made.id,
        link=link,
        qr=["".join("1" if module else "0" for module in row) for row in rows],
        role=made.role,
        level=made.level,
        expires_seconds=round(made.seconds),
    )


def lobby(of: LobbyView) -> parts.Lobby:
    """The lobby, for someone in it."""
    return parts.Lobby(
        position=of.position,
        expected_seconds=None if of.expected is None else round(of.expected),
        host_present=of.host_present,
        messages=[lobby_message(message) for message in of.messages],
    )


def lobby_message(of: LobbyMessage) -> parts.LobbyMessage:
    """What a host wrote to those who wait."""
    return parts.LobbyMessage(str(of.id), of.notice.value, of.text, of.minutes)


def room(of: RoomState) -> parts.Room:
    """What holds for the room as a whole."""
    return parts.Room(
        locked=of.locked,
        recording=of.recording.value,
        video_consent=of.video_consent,
        recordable=of.recordable,
        pinned=of.pinned,
        encryption="bridge",
    )


def chat_message(of: Wrote) -> parts.ChatMessage:
    """What somebody wrote."""
    message = of.message
    return parts.ChatMessage(
        id=str(message.id),
        participant_id=message.participant_id,
        name=message.name,
        lane=message.lane.value,
        text=message.text,
        to=message.to,
        age_seconds=round(of.age, 1),
    )


def consent_request(of: AskedToConsent) -> parts.ConsentRequest:
    """What somebody is asked to consent to."""
    return parts.ConsentRequest(of.request.id, of.request.text_version, of.request.asked_by, of.consented)


def source(of: Source) -> parts.Source:
    """A source."""
    name = source_name(of.name, of.kind)
    return parts.Source(
        id=str(of.id),
        source=name,
        kind=of.kind.value,
        muted=of.muted,
        upload=of.upload.value,
        interrupted=of.interrupted,
    )


def own_sources(of: Sequence[OwnSource]) -> list[parts.OwnSource]:
    """Sources of the client itself."""
    return [
        parts.OwnSource(
            id=str(own.source.id),
            mid=own.mid,
            source=source_name(own.source.name, own.source.kind),
            kind=own.source.kind.value,
            muted=own.source.muted,
            upload=own.source.upload.value,
            interrupted=own.source.interrupted,
        )
        for own in of
    ]
