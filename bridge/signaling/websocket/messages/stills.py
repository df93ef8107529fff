"""Still pictures on demand. The pictures themselves go by HTTP; see `docs/protocol`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from bridge.signaling.websocket.messages.parts import Notice, ParticipantId, Reply, Request, SourceId

StillId = Annotated[str, Meta(min_length=1, max_length=64)]


class AskForStill(Request, tag="ask_for_still"):
    """Asks the owner of a camera for a still picture of it. Takes the grant `still`. Answered by `still_requested`."""

    source_id: SourceId


class AnswerStill(Request, tag="answer_still"):
    """Consents to one still picture of one's camera, or does not, at any time before it is delivered.

    Answered by `still_ticket` where one consents, else by `done`.
    """

    still_id: StillId
    consents: bool
    text_version: Annotated[
        str, Meta(min_length=1, max_length=64, description="Names the text that the user was asked with; it is kept.")
    ]


class CancelStill(Request, tag="cancel_still"):
    """Takes back what one asked for by `ask_for_still`. Answered by `done`."""

    still_id: StillId


StillRequests = AskForStill | AnswerStill | CancelStill


class StillFile(Struct, frozen=True):
    """Where the picture is fetched: once, by `GET` with `Authorization: Bearer` and the ticket."""

    path: Annotated[str, Meta(description="Relative to the URL of the WebSocket, such as `stills/…`.")]
    ticket: str
    content_type: Annotated[str, Meta(description="`image/jpeg` or `image/png`.")]
    bytes: int
    width: Annotated[int, Meta(description="Pixels.")]
    height: int


class Still(Struct, frozen=True):
    """A picture that the client asked for, or is asked for."""

    id: StillId
    asked_by: ParticipantId
    participant_id: Annotated[ParticipantId, Meta(description="Whose camera it is.")]
    source_id: SourceId
    step: Annotated[
        Literal["asked", "consented", "ready"],
        Meta(description="`consented`: the owner may bring it; `ready`: whoever asked may fetch it."),
    ]
    file: Annotated[StillFile, Meta(description="For whoever asked, once it is ready.")] | UnsetType = UNSET


class StillRequested(Reply, tag="still_requested"):
    """The answer to `ask_for_still`: the owner is asked now. `still_ready` or `still_ended` follows."""

    still: Still


class StillTicket(Reply, tag="still_ticket"):
    """The answer to `answer_still` with consent: bring the picture by `PUT`, with the ticket as bearer token."""

    path: Annotated[str, Meta(description="Relative to the URL of the WebSocket, such as `stills/…`.")]
    ticket: str
    max_bytes: int


class StillAsked(Notice, tag="still_asked"):
    """The client is asked for a still picture of its camera. It is for the user to decide, each time."""

    still: Still


class StillReady(Notice, tag="still_ready"):
    """The picture that the client asked for is there. It is kept until it was fetched, for 60 seconds at most."""

    still: Still


class StillEnded(Notice, tag="still_ended"):
    """A picture that the client asked for, or was asked for, is asked for no longer. The bridge has not kept it."""

    still_id: StillId
    reason: Annotated[
        Literal["delivered", "refused", "cancelled", "gone", "timed_out"],
        Meta(
            description="`refused` by the owner; `cancelled` by whoever asked; `gone`: one of them, or the camera, is "
            "not there any more."
        ),
    ]


StillReplies = StillRequested | StillTicket
StillNotices = StillAsked | StillReady | StillEnded
