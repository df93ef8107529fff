"""Media sessions over the core: SDP, DTLS, transports, producers and consumers. Knows rooms by id only."""

from bridge.sfu.allocation.model import VideoState
from bridge.sfu.compositions import OpenComposition
from bridge.sfu.parties import Party
from bridge.sfu.session import MediaSession, SessionStats
from bridge.sfu.settings import MediaLimits, MediaSettings, MediaTimeouts
from bridge.sfu.sfu import Sfu, WorkerReport
from bridge.sfu.tap import Tap, TapListener, TappedTrack
from bridge.sfu.types import (
    AUTO_LAYOUT,
    AudioLevel,
    ComposedLayout,
    ConnectionKind,
    ConnectionState,
    LegInput,
    LegReport,
    MediaKind,
    Producer,
    PublishResult,
    QualityLevel,
    QualityReport,
    RejectedMedia,
    SessionListener,
    SubscribeOffer,
    SubscribeResult,
    Subscription,
    UnsupportedSubscription,
    View,
    ViewState,
    WantedEncodings,
    WatchResult,
)

__all__ = [
    "AUTO_LAYOUT",
    "AudioLevel",
    "ComposedLayout",
    "ConnectionKind",
    "ConnectionState",
    "LegInput",
    "LegReport",
    "MediaKind",
    "MediaLimits",
    "MediaSession",
    "MediaSettings",
    "MediaTimeouts",
    "OpenComposition",
    "Party",
    "Producer",
    "PublishResult",
    "QualityLevel",
    "QualityReport",
    "RejectedMedia",
    "SessionListener",
    "SessionStats",
    "Sfu",
    "SubscribeOffer",
    "SubscribeResult",
    "Subscription",
    "Tap",
    "TapListener",
    "TappedTrack",
    "UnsupportedSubscription",
    "VideoState",
    "View",
    "ViewState",
    "WantedEncodings",
    "WatchResult",
    "WorkerReport",
]
