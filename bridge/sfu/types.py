"""What goes in and out of the media sessions: the nouns that doors and rooms share with `bridge.sfu`.

All of them are values: frozen, comparable, free of I/O. Ids of producers are small integers, unique within a process
and never used twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Literal, Protocol

from bridge.picture_layouts import PictureLayout, PictureShape
from bridge.sfu.allocation.model import VideoState

MediaKind = Literal["audio", "video"]
UnsupportedCode = Literal["unsupported_codec", "legs_exhausted", "leg_failed", "no_media_line", "unknown_producer"]


class ConnectionKind(StrEnum):
    """Which of a session's two peer connections is meant."""

    PUBLISH = "publish"
    """The client sends; the client offers."""
    SUBSCRIBE = "subscribe"
    """The client receives; the bridge offers, or the client does (WHEP)."""


class ConnectionState(StrEnum):
    """How a peer connection stands, in the words of W3C WebRTC's `RTCPeerConnectionState`."""

    NEW = "new"
    """Negotiated; no packet of the client has been seen."""
    CONNECTING = "connecting"
    """ICE is up; DTLS is on its way."""
    CONNECTED = "connected"
    """Media flows."""
    DISCONNECTED = "disconnected"
    """Consent ran out (RFC 7675). It becomes CONNECTED again if the client comes back, from whatever address."""
    FAILED = "failed"
    """It cannot work any more (wrong fingerprint, handshake failed or timed out, the transport was lost)."""
    CLOSED = "closed"
    """It was ended, by the client's close_notify or by the bridge."""


@dataclass(frozen=True)
class Producer:
    """One source that a session publishes."""

    producer_id: int
    mid: str
    """MID of its m-line in the publish connection."""
    kind: MediaKind
    codecs: tuple[str, ...]
    """Names of the codecs agreed on, the first preferred: "opus", "VP8" …; without RTX."""
    stream_id: str | None = None
    """Id of the client's MediaStream (`a=msid`), if the client said one."""
    track_id: str | None = None
    """Id of the client's MediaStreamTrack (`a=msid`), if the client said one."""
    encodings: tuple[str | None, ...] = (None,)
    """RIDs of its encodings, in the offer's order, which is that of spatial indices; None for one that has no RID."""


@dataclass(frozen=True)
class RejectedMedia:
    """An m-line that was answered by a rejection, and why."""

    mid: str | None
    line: int
    """Line number of the m-line in the offer, from 1."""
    code: str
    """`unsupported_codec`, `unsupported_media`, `not_bundled`, `too_many_media` …"""
    reason: str


@dataclass(frozen=True)
class PublishResult:
    """The answer to a publish offer and what became of the producers."""

    answer: str
    """SDP answer."""
    new: tuple[Producer, ...]
    """Producers that came with this offer."""
    kept: tuple[Producer, ...]
    """Producers that were there already and go on without a gap."""
    gone: tuple[int, ...]
    """Ids of producers that ended with this offer; their consumers have ended too."""
    rejected: tuple[RejectedMedia, ...] = ()
    """M-lines that the offerer wanted to send on and that were refused."""

    @property
    def producers(self) -> tuple[Producer, ...]:
        """All that are published now, oldest first."""
        return tuple(sorted((*self.kept, *self.new), key=lambda producer: producer.producer_id))


@dataclass(frozen=True)
class Subscription:
    """A producer that a session wants to receive."""

    producer_id: int
    participant: str
    """Opaque id of the participant it comes from. Producers with the same one are played in step: it becomes the stream
    id of `a=msid` and stands behind the CNAME. No whitespace; it is seen by the receiver."""
    track: str
    """Id of the source within the participant: the track id of `a=msid`. No whitespace; seen by the receiver."""
    paused: bool = False
    max_height: int | None = None
    """Height in which the receiver shows it, in device pixels; None: unknown."""
    rank: int = 0
    """Higher goes first where the line does not carry everything: see `bridge.sfu.allocation.ranks`."""


class View(StrEnum):
    """How a receiver gets the pictures of a room."""

    SEPARATE = "separate"
    """Each on its own."""
    COMPOSED = "composed"
    """All in one."""
    AUTO = "auto"
    """All in one where its line does not carry each on its own well, in a room of three or more."""


@dataclass(frozen=True)
class ComposedLayout:
    """How a composed picture is laid out. Receivers who want the same share one."""

    name: PictureLayout = "auto"
    """`grid`: all alike; `speaker`: who speaks, and a strip of the others; `interpreter`: the interpreter beside whom
    they interpret for; `screen`: what is shared, and faces; `auto`: the one of these that suits who is there."""
    shape: PictureShape = "wide"
    """`upright`: for a telephone as it is held."""


AUTO_LAYOUT = ComposedLayout()
"""Where nothing is asked for."""


ViewReason = Literal["asked", "thin_line", "good_line", "legs_exhausted", "leg_failed", "unsupported_codec"]


@dataclass(frozen=True)
class ViewState:
    """What a receiver gets now, and why."""

    composed: bool
    """Whether it gets one picture of everybody, or each on its own."""
    reason: ViewReason
    """`asked`: so it was asked for; `thin_line`, `good_line`: by what the line carries; the others: no picture could be
    composed, and it gets what can be forwarded."""


@dataclass(frozen=True)
class SubscribeOffer:
    """An offer for the subscribe connection."""

    sdp: str
    revision: int
    """Counts up with every offer; `subscribe_answer` takes it, so that an answer to a superseded offer is noticed."""
    producers: Mapping[str, int]
    """Producer id by MID, for all m-lines that are to carry media."""
    composed: str | None = None
    """MID of the m-line that carries the composed picture, which is none of `producers`."""


@dataclass(frozen=True)
class UnsupportedSubscription:
    """A subscription that the receiver cannot take."""

    producer_id: int
    code: UnsupportedCode
    """`unsupported_codec`: the receiver lacks the codec that the producer sends, and every codec that a leg could make
    of it; `legs_exhausted`: a leg would help, and the budget for legs is spent; `leg_failed`: it was tried, and ends
    again and again; `no_media_line`: a watching client
    offered too few m-lines of this kind, or a subscribing one does not receive on the one it was offered;
    `unknown_producer`: the producer is gone or belongs to another room."""
    codecs: tuple[str, ...] = ()
    """What the producer sends: a name such as "H264"; empty for producers that are unknown."""


@dataclass(frozen=True)
class SubscribeResult:
    """What the receiver made of an offer (or, watching, what it was given)."""

    producers: Mapping[str, int]
    """Producer id by MID, for all m-lines that carry media now."""
    unsupported: tuple[UnsupportedSubscription, ...] = ()


@dataclass(frozen=True)
class WatchResult(SubscribeResult):
    """The answer to a client's recvonly offer."""

    answer: str = field(kw_only=True)
    """SDP answer."""


@dataclass(frozen=True)
class AudioLevel:
    """Smoothed level of an audio producer (RFC 6464): 0 dBov is the loudest, 127 is silence."""

    producer_id: int
    level: int
    voice: bool


@dataclass(frozen=True)
class LegInput:
    """A producer that a leg takes in."""

    producer_id: int
    codec: str
    """As people write it."""


LegReason = Literal["codec", "thin_line", "composed", "mixed"]


@dataclass(frozen=True)
class LegReport:
    """A leg, for the operator and for the roster."""

    inputs: tuple[LegInput, ...]
    """One where it transcodes; those of everybody where it composes or mixes."""
    kind: MediaKind
    target: str
    """The codec that the leg makes."""
    reason: LegReason
    """`codec`: its receivers lack the codec that is sent; `thin_line`: their lines do not carry what is sent;
    `composed`: they get one picture of everybody; `mixed`: they get one sound of everybody."""
    receivers: int
    restarts: int = field(default=0, compare=False)
    stats: Mapping[str, float] = field(default_factory=dict, compare=False)
    """What the leg last told of itself; empty before that."""

    @property
    def source(self) -> str:
        """The codecs that are taken in, as people write them."""
        return ", ".join(dict.fromkeys(each.codec for each in self.inputs))


class QualityLevel(IntEnum):
    """How good a participant's media is over one direction of its line, in one word."""

    LOST = 0
    POOR = 1
    GOOD = 2
    EXCELLENT = 3


@dataclass(frozen=True)
class QualityReport:
    """What a participant is told of its lines, and others of it. None where nothing is known."""

    publish: QualityLevel | None
    subscribe: QualityLevel | None
    publish_score: float | None
    """Mean opinion score of the sound that it sends, as it reaches the bridge: an estimate."""
    subscribe_score: float | None
    """The same of what it receives."""


@dataclass(frozen=True, slots=True)
class WantedEncodings:
    """What a publisher is told of one producer; flags in the order of its encodings."""

    active: tuple[bool, ...]
    """Which are to be sent."""
    spare: tuple[bool, ...]
    """Which of these may be left out by a publisher whose own line does not carry them all: whoever receives them
    now takes a larger one as gladly, or nobody receives them yet."""
    max_bitrate: int | None
    """What each of them is to take at most, in bit/s of RTP payload; None for no bound."""


class SessionListener(Protocol):
    """Who is told what happens to a session's media. Called on the event loop; must not block and not raise."""

    def on_connection(self, kind: ConnectionKind, state: ConnectionState) -> None:
        """A peer connection changed its state."""

    def restarts_ice(self) -> bool:
        """Whether the client can be asked to restart ICE: it hears of `on_restart_wanted`, and does so."""

    def on_restart_wanted(self, kind: ConnectionKind) -> None:
        """A connection's path swallows large UDP packets: its ICE is to be restarted, after which it runs over TCP."""

    def on_producer(self, producer_id: int, live: bool) -> None:
        """The watchdog sees packets of a producer of this session arrive, or arrive no longer."""

    def on_consumer(self, producer_id: int, live: bool) -> None:
        """The watchdog sees that what is sent to this session arrives, or does not."""

    def heeds_encodings(self) -> bool:
        """Whether the client heeds `on_encodings_wanted`, or is to be left alone.

        One that does not is told by REMB what its video is to take at most.
        """

    def on_encodings_wanted(self, producer_id: int, wanted: WantedEncodings) -> None:
        """Which encodings of a producer of this session, in the order of `Producer.encodings`, somebody is to receive.

        Told of video only, and when it changes: at first all are wanted.
        """

    def on_video_state(self, producer_id: int, state: VideoState) -> None:
        """The receiving line's bandwidth makes something else of a video that this session receives.

        Told when it changes, with the hysteresis of the allocation; not while the session itself has it paused.
        """

    def on_audio_levels(self, levels: Sequence[AudioLevel]) -> None:
        """Levels of the room's audio producers, loudest first, at most five times a second."""

    def on_active_speaker(self, producer_id: int | None) -> None:
        """Another audio producer of the room is the active speaker; None when the one that was is gone."""

    def on_quality(self, report: QualityReport) -> None:
        """A rating of the session's lines has changed; every few seconds at most."""

    def on_legs(self, legs: Sequence[LegReport]) -> None:
        """The legs of the room are others now. While there are any, media is decoded inside the bridge."""

    def on_view(self, state: ViewState) -> None:
        """What this session gets of the room's pictures is another. At first each comes on its own."""

    def on_negotiation_needed(self) -> None:
        """The subscriptions differ from what is negotiated and no offer is outstanding: call `subscribe_offer()`."""

    def on_closed(self, reason: str) -> None:
        """The session ended without being told to (its worker died). It can only be opened again."""
