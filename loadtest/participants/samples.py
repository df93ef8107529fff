"""What a participant measures. Times are seconds since the epoch, by the clock of this machine, which all share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple


class StreamKey(NamedTuple):
    """One stream as one end sees it."""

    direction: Literal["in", "out"]
    kind: Literal["audio", "video"]
    source: str
    """camera, microphone, screen or screen_audio."""
    peer: str
    """Whose it is, by the scenario's name; oneself for what one sends."""
    layer: str = ""
    """The RID of a simulcast layer that is sent; empty otherwise."""


@dataclass(frozen=True, slots=True)
class StreamCounters:
    """Counters since the stream began, as in W3C's webrtc-stats. Those that a client does not have are 0."""

    bytes: int = 0
    """Payload and headers of RTP, without those of UDP and IP."""
    packets: int = 0
    lost: int = 0
    """Of what is received: after repair. Of what is sent: as the receiving end reports it."""
    retransmitted: int = 0
    nacks: int = 0
    plis: int = 0
    frames: int = 0
    """Decoded, or encoded."""
    keyframes: int = 0
    frames_dropped: int = 0
    freezes: int = 0
    freeze_seconds: float = 0.0
    """`freezeCount` and `totalFreezesDuration`."""
    width: int = 0
    height: int = 0
    samples: int = 0
    """Of sound, that were played."""
    concealed_samples: int = 0
    """Of these, made up, without those that stand for silence."""
    silent_concealed_samples: int = 0
    concealments: int = 0
    """How often."""
    jitter_buffer_seconds: float = 0.0
    jitter_buffer_emitted: int = 0
    """The sum of all delays in the jitter buffer, and how many samples or frames it is the sum of."""
    target_bitrate: float = 0.0
    """bit/s that an encoder is asked for now."""
    active: bool = True
    limited_by: str = ""
    """What keeps an encoder from more: `qualityLimitationReason`."""


class FrameSeen(NamedTuple):
    """A new picture on somebody's screen."""

    peer: str
    source: str
    at: float
    """When it was shown."""
    sent: float | None
    """When its camera took it; None where the picture does not tell."""
    width: int
    height: int


class Notice(NamedTuple):
    """Something that happened at a moment."""

    at: float
    kind: str
    """joined, connected, reconnecting, closed, notice, error, …"""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured since the sample before."""

    at: float
    streams: dict[StreamKey, StreamCounters] = field(default_factory=dict)
    frames: tuple[FrameSeen, ...] = ()
    notices: tuple[Notice, ...] = ()
    upstream_estimate: float | None = None
    """bit/s that this end's own estimator thinks it may send."""
    downstream_estimate: float | None = None
    """bit/s that the bridge's estimator thinks it may send to this end, where it says so."""
    round_trip: float | None = None
    """Seconds between this end and the bridge."""
