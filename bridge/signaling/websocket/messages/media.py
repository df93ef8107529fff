"""What the bridge tells of media: what it offers, what it makes of a line, who speaks."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from bridge.signaling.websocket.messages.parts import (
    AudioLevel,
    ConnectionName,
    Negotiation,
    Notice,
    ParticipantId,
    Sdp,
    SourceId,
    Track,
    TranscodedSource,
    WantedEncoding,
)

VideoStateName = Literal["full", "reduced", "stills", "paused"]
PeerConnectionState = Literal["new", "connecting", "connected", "disconnected", "failed", "closed"]
QualityLevelName = Literal["excellent", "good", "poor", "lost"]


class SubscribeOffer(Notice, tag="subscribe_offer"):
    """An offer for the subscribe connection, to be answered by `subscribe_answer`.

    One offer is outstanding at a time; what changes meanwhile goes into the next one. An offer that arrives before the
    earlier one was answered (only after a resume or an ICE restart) takes its place.
    """

    negotiation: Negotiation
    offer: Sdp
    tracks: Annotated[list[Track], Meta(description="Every m-line that sends, new or old; others are inactive.")]


class AudioLevels(Notice, tag="audio_levels"):
    """Who speaks, loudest first; at most five times a second and only while it changes, seldom over a thin line.

    Left out is silent.
    """

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
            "more of it now; of sound: no receiver's line carries it as it is. Null for no bound. Changes as lines "
            "do, a few times a second at most."
        ),
    ]


class IceRestartRequested(Notice, tag="ice_restart_requested"):
    """The bridge asks for a `publish` whose offer is made with `iceRestart`."""

    connection: Literal["publish"]


MediaNotices = (
    SubscribeOffer
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
)
