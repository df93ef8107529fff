"""What participants ask for besides media. Answered by `done`."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from bridge.signaling.websocket.messages.parts import ChatLaneName, ParticipantId, ProposalId, Request

ConsentId = Annotated[str, Meta(min_length=1, max_length=64)]


class Say(Request, tag="chat"):
    """Writes to everyone in the room, or to one of them. The writer gets its own `chat_message`, too."""

    text: Annotated[str, Meta(min_length=1, max_length=2000)]
    lane: Annotated[ChatLaneName, Meta(description="`caption` takes the grant `caption`, else it is `chat`.")] = (
        "message"
    )
    to: ParticipantId | UnsetType = UNSET


class RaiseHand(Request, tag="raise_hand"):
    """Shows everyone that one would like to speak, or no longer."""

    raised: bool


class SetCompanions(Request, tag="set_companions"):
    """Says who sits at the same camera: they stand in the roster as everyone does."""

    names: Annotated[list[Annotated[str, Meta(min_length=1, max_length=200)]], Meta(max_length=4)]


class AskToRecord(Request, tag="ask_to_record"):
    """Asks everyone in the room to consent to a recording. Takes the grant `record`."""

    text_version: Annotated[
        str,
        Meta(min_length=1, max_length=64, description="Names the text that clients ask with; kept with each answer."),
    ]


class StopRecording(Request, tag="stop_recording"):
    """Ends the recording, or the asking for it. Takes the grant `record`."""


class AnswerConsent(Request, tag="answer_consent"):
    """Consents to the recording at hand, or does not, or takes it back, which ends the recording at once."""

    consent_id: ConsentId
    consents: bool
    text_version: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=64,
                description="Names the text that the user was asked with, where it is not that of `consent_asked`.",
            ),
        ]
        | UnsetType
    ) = UNSET


class AnswerVideoConsent(Request, tag="answer_video_consent"):
    """Consents to being seen, or does not, or takes it back: then there is sound only. Also while one waits."""

    text_version: Annotated[
        str, Meta(min_length=1, max_length=64, description="Names the text of the question; kept with the answer.")
    ]
    consents: bool


class ProposeInvitation(Request, tag="propose_invitation"):
    """Tells hosts whom one would have invited, such as next of kin. They decide, and pass the link on.

    Takes the grant `propose`.
    """

    role: Annotated[str, Meta(min_length=1, max_length=128)]
    name: Annotated[str, Meta(min_length=1, max_length=200, description="Who it is, in one's own words.")]


class CreateInvitation(Request, tag="create_invitation"):
    """Has a link made into this room, for one person who waits to be let in. Takes the grant `host` or `invite`.

    Answered by `invitation`.
    """

    role: Annotated[str, Meta(min_length=1, max_length=128)]
    name: Annotated[str, Meta(max_length=200, description="Shown to the others.")] = ""
    minutes: Annotated[int, Meta(ge=1, le=1440, description="How long the link can be used.")] = 60
    proposal_id: Annotated[ProposalId, Meta(description="The proposal that this accepts.")] | UnsetType = UNSET


class DeclineProposal(Request, tag="decline_proposal"):
    """Does not invite whom somebody proposed. Takes the grant `host` or `invite`."""

    proposal_id: ProposalId


class RevokeInvitation(Request, tag="revoke_invitation"):
    """Takes back a link that was made in this room; whoever came by it stays. Takes the grant `host` or `invite`."""

    invitation_id: Annotated[str, Meta(min_length=1, max_length=64)]


Act = (
    ProposeInvitation
    | CreateInvitation
    | DeclineProposal
    | RevokeInvitation
    | Say
    | RaiseHand
    | SetCompanions
    | AskToRecord
    | StopRecording
    | AnswerConsent
    | AnswerVideoConsent
)
