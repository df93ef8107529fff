"""From what calls tell of media to the messages that say so."""

from __future__ import annotations

from bridge.room import MediaKind, SourceName
from bridge.sfu import QualityLevel, VideoState
from bridge.signaling.calls import (
    ActiveSpeaker,
    AudioLevels,
    ConnectionChanged,
    EncodingsWanted,
    FlowChanged,
    IceRestartWanted,
    MediaModeChanged,
    MediaNotice,
    QualityChanged,
    SubscribeOffered,
    SubscriptionRefused,
    VideoStateChanged,
    ViewChanged,
)
from bridge.signaling.websocket.messages import media, parts

_QUALITY_LEVELS: dict[QualityLevel, media.QualityLevelName] = {
    QualityLevel.EXCELLENT: "excellent",
    QualityLevel.GOOD: "good",
    QualityLevel.POOR: "poor",
    QualityLevel.LOST: "lost",
}

_VIDEO_STATES: dict[VideoState, media.VideoStateName] = {
    VideoState.VIDEO: "full",
    VideoState.REDUCED: "reduced",
    VideoState.STILLS: "stills",
    VideoState.PAUSED: "paused",
}


def media_notified(notice: MediaNotice) -> media.MediaNotices:
    """What to tell the client."""
    match notice:
        case SubscribeOffered():
            tracks = [
                parts.Track(
                    track.mid,
                    track.participant_id,
                    str(track.source_id),
                    source_name(track.name, track.kind),
                    track.kind.value,
                )
                for track in notice.tracks
            ]
            if notice.composed is not None:
                tracks.append(parts.Track(notice.composed, None, None, "composed", "video"))
            return media.SubscribeOffer(negotiation=notice.revision, offer=notice.sdp, tracks=tracks)
        case SubscriptionRefused():
            return media.SubscriptionFailed(source_id=str(notice.source_id), code=notice.code, message=notice.message)
        case AudioLevels():
            levels = [
                parts.AudioLevel(level.participant_id, str(level.source_id), level.level, level.voice)
                for level in notice.levels
            ]
            return media.AudioLevels(levels=levels)
        case ActiveSpeaker():
            source_id = None if notice.source_id is None else str(notice.source_id)
            return media.ActiveSpeaker(participant_id=notice.participant_id, source_id=source_id)
        case MediaModeChanged():
            transcoded = [
                parts.TranscodedSource(
                    str(each.source_id), each.kind.value, each.codec, each.into, each.reason, each.receivers
                )
                for each in notice.transcoded
            ]
            return media.MediaMode(mode="transcoded" if transcoded else "forwarded", transcoded=transcoded)
        case ViewChanged(state=state):
            return media.View(view="composed" if state.composed else "separate", reason=state.reason)
        case QualityChanged():
            return _quality(notice)
        case ConnectionChanged():
            return media.ConnectionState(connection=notice.kind.value, state=notice.state.value)
        case FlowChanged():
            return media.MediaFlow(
                source_id=str(notice.source_id),
                direction="to_bridge" if notice.to_bridge else "from_bridge",
                state="live" if notice.live else "stalled",
            )
        case VideoStateChanged():
            return media.VideoState(source_id=str(notice.source_id), state=_VIDEO_STATES[notice.state])
        case EncodingsWanted():
            wanted = notice.wanted
            encodings = [
                parts.WantedEncoding(*each) for each in zip(notice.rids, wanted.active, wanted.spare, strict=True)
            ]
            return media.Encodings(source_id=str(notice.source_id), encodings=encodings, max_bitrate=wanted.max_bitrate)
        case IceRestartWanted():
            return media.IceRestartRequested(connection="publish")


def _quality(of: QualityChanged) -> media.Quality:
    report = of.report

    def word(level: QualityLevel | None) -> media.QualityLevelName | None:
        return None if level is None else _QUALITY_LEVELS[level]

    return media.Quality(
        participant_id=of.participant_id,
        publish=word(report.publish),
        subscribe=word(report.subscribe),
        publish_mos=None if report.publish_score is None else round(report.publish_score, 1),
        subscribe_mos=None if report.subscribe_score is None else round(report.subscribe_score, 1),
    )


def source_name(name: SourceName, kind: MediaKind) -> parts.SourceName:
    """The room knows a screen by name and kind; clients get one word for each of its two sources."""
    return "screen_audio" if (name, kind) == (SourceName.SCREEN, MediaKind.AUDIO) else name.value
