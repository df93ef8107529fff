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
    GrantsChanged,
    IceRestartWanted,
    LetIn,
    LobbyChanged,
    LobbyTold,
    MediaModeChanged,
    MutedByHost,
    Notice,
    QualityChanged,
    SentToLobby,
    SourceLevel,
    StoppedByHost,
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
    "GrantsChanged",
    "IceRestartWanted",
    "JoinClaims",
    "LetIn",
    "LobbyChanged",
    "LobbyTold",
    "MediaModeChanged",
    "MediaPlane",
    "MediaSession",
    "MutedByHost",
    "Notice",
    "OwnSource",
    "Published",
    "QualityChanged",
    "Rejected",
    "SentToLobby",
    "SilentObserver",
    "Snapshot",
    "SourceLevel",
    "SourceSpec",
    "StoppedByHost",
    "SubscribeOffered",
    "SubscriptionRefused",
    "TakenOver",
    "TokenVerifier",
    "Track",
]
