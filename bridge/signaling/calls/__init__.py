"""What every door shares: from a join token to media in a room, and out again.

A *call* is one client's hold on a room: its session there (`bridge.room`), its media (`bridge.sfu`), and whoever is to
be told (a door). Doors know calls; calls know nothing of doors.
"""

from bridge.signaling.calls.call import Call, Snapshot
from bridge.signaling.calls.calls import Calls, CallSettings
from bridge.signaling.calls.notices import (
    ActiveSpeaker,
    AudioLevels,
    CallListener,
    ConnectionChanged,
    EncodingsWanted,
    Ended,
    FlowChanged,
    IceRestartWanted,
    MediaModeChanged,
    Notice,
    QualityChanged,
    SourceLevel,
    SubscribeOffered,
    SubscriptionRefused,
    TakenOver,
    Track,
)
from bridge.signaling.calls.ports import (
    CallObserver,
    Door,
    JoinClaims,
    MediaPlane,
    MediaSession,
    SilentObserver,
    TokenVerifier,
)
from bridge.signaling.calls.publishing import OwnSource, Published, Rejected, SourceSpec

__all__ = [
    "ActiveSpeaker",
    "AudioLevels",
    "Call",
    "CallListener",
    "CallObserver",
    "CallSettings",
    "Calls",
    "ConnectionChanged",
    "Door",
    "EncodingsWanted",
    "Ended",
    "FlowChanged",
    "IceRestartWanted",
    "JoinClaims",
    "MediaModeChanged",
    "MediaPlane",
    "MediaSession",
    "Notice",
    "OwnSource",
    "Published",
    "QualityChanged",
    "Rejected",
    "SilentObserver",
    "Snapshot",
    "SourceLevel",
    "SourceSpec",
    "SubscribeOffered",
    "SubscriptionRefused",
    "TakenOver",
    "TokenVerifier",
    "Track",
]
