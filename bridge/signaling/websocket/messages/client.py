"""What clients send. Every message is a request: it has an `id`, and gets exactly one reply or error."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from bridge.signaling.websocket.messages.acts import Act
from bridge.signaling.websocket.messages.decisions import Decision
from bridge.signaling.websocket.messages.parts import (
    PINS_LIMIT,
    SOURCES_LIMIT,
    TILES_LIMIT,
    TOKEN_LENGTH_LIMIT,
    ComposedTile,
    Negotiation,
    ParticipantId,
    PublishedSource,
    Request,
    Sdp,
    SourceId,
    SourceName,
    Tile,
    UploadName,
    ViewName,
)
from bridge.signaling.websocket.messages.stills import StillRequests


class Join(Request, tag="join"):
    """The first message of a new session: enters the room that the token names. Answered by `joined`."""

    token: Annotated[
        str, Meta(min_length=1, max_length=TOKEN_LENGTH_LIMIT, description="A signed join token (JWT, RFC 7519).")
    ]
    subscribe: Annotated[
        Literal["all", "none"],
        Meta(description="Whether to receive what the others publish unless told otherwise."),
    ] = "all"


class Resume(Request, tag="resume"):
    """The first message after a lost WebSocket: takes the session up again. Answered by `joined`, `resumed` true."""

    session_id: Annotated[str, Meta(min_length=1, max_length=128)]
    secret: Annotated[str, Meta(min_length=1, max_length=128)]


class Publish(Request, tag="publish"):
    """Offers the publish connection, first or anew (added or removed sources, ICE restart). Answered by `published`.

    `sources` says what the m-lines carry; audio that it does not name is taken for a microphone, video for a camera.
    A source whose m-line no longer sends leaves the room.
    """

    offer: Sdp
    sources: Annotated[list[PublishedSource], Meta(max_length=SOURCES_LIMIT)]


class Unpublish(Request, tag="unpublish"):
    """Takes sources of one's own out of the room at once, without a new offer. Answered by `done`."""

    source_ids: Annotated[list[SourceId], Meta(min_length=1, max_length=SOURCES_LIMIT)]


class UpdateSource(Request, tag="update_source"):
    """Tells the others about a source of one's own. Answered by `done`.

    Only what is given changes. `muted`: mute and unmute. `source`: the track was replaced by one of another source
    (RTCRtpSender.replaceTrack), such as a screen in place of the camera. `upload`: what the client's own line makes of
    a picture; `wrong_kind` of sound. `interrupted`: the system gives neither sound nor picture for now (`mute` and
    `unmute` of a MediaStreamTrack), as during a telephone call.
    """

    source_id: SourceId
    muted: bool | UnsetType = UNSET
    source: SourceName | UnsetType = UNSET
    upload: UploadName | UnsetType = UNSET
    interrupted: bool | UnsetType = UNSET


class Subscribe(Request, tag="subscribe"):
    """Asks to receive these sources of others. Answered by `done`; a `subscribe_offer` follows if one is needed."""

    source_ids: Annotated[list[SourceId], Meta(min_length=1, max_length=SOURCES_LIMIT)]


class Unsubscribe(Request, tag="unsubscribe"):
    """Asks to receive these sources no longer. Answered by `done`; a `subscribe_offer` follows if one is needed."""

    source_ids: Annotated[list[SourceId], Meta(min_length=1, max_length=SOURCES_LIMIT)]


class UpdateSubscription(Request, tag="update_subscription"):
    """Pauses or goes on receiving a source, without renegotiation. Answered by `done`."""

    source_id: SourceId
    paused: bool


class Layout(Request, tag="layout"):
    """Says how the client shows the others, in place of what it said before. Answered by `done`.

    Videos of height 0 are not sent, others no larger than is of use; those that are not named are of unknown size.
    Sources that are not (or no longer) in the room are passed over. Send it when the page has settled, not for each
    step of a movement.
    """

    tiles: Annotated[list[Tile], Meta(max_length=TILES_LIMIT)]
    pinned: (
        Annotated[
            list[ParticipantId],
            Meta(
                max_length=PINS_LIMIT,
                description="Whom to show best on this client's screen, whoever speaks; without it, whom a host pinned "
                "for everybody (`pinned` of the room).",
            ),
        ]
        | UnsetType
    ) = UNSET
    save_data: Annotated[
        bool, Meta(description="Whether to receive cameras in their smallest size only, to spare the user's data.")
    ] = False
    view: Annotated[
        ViewName | UnsetType,
        Meta(
            description="`separate`: each picture on its own; `composed`: all in one that the bridge makes, in a track "
            "whose source is `composed`; `auto`: composed where the line is too thin for the pictures of a room of "
            "three or more, or where the role says so. What the client gets is told by `view`. Without it the role "
            "decides; roles that say nothing get `separate`."
        ),
    ] = UNSET
    composed: Annotated[
        ComposedTile,
        Meta(description="How the client shows a composed picture, if it gets one."),
    ] = field(default_factory=ComposedTile)


class SubscribeAnswer(Request, tag="subscribe_answer"):
    """The answer to the bridge's newest `subscribe_offer`. Answered by `done`."""

    negotiation: Negotiation
    answer: Sdp


class RestartIce(Request, tag="restart_ice"):
    """Asks for a `subscribe_offer` with new ICE credentials. Answered by `done`.

    The publish connection is restarted by the client itself: `publish` with an offer made with `iceRestart`.
    """

    connection: Literal["subscribe"]


class GetStats(Request, tag="get_stats"):
    """Asks what the bridge counts on this session's connections. Answered by `stats`."""


class Ping(Request, tag="ping"):
    """Asks for a `pong`: tells whether the bridge is there, and how far away."""


class Leave(Request, tag="leave"):
    """Leaves the room for good. Answered by `done`, after which the bridge closes with 1000."""


ClientMessage = (
    Join
    | Resume
    | Publish
    | Unpublish
    | UpdateSource
    | Subscribe
    | Unsubscribe
    | UpdateSubscription
    | Layout
    | SubscribeAnswer
    | RestartIce
    | GetStats
    | Ping
    | Leave
    | Decision
    | Act
    | StillRequests
)
