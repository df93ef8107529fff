"""RTP header extensions (RFC 8285) that the bridge takes, and how it numbers those that it offers."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.sfu.sdp.description import REVERSED, ExtMap, MediaDescription

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
VIDEO_ORIENTATION = "urn:3gpp:video-orientation"
PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
ABS_CAPTURE_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
DEPENDENCY_DESCRIPTOR = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
FRAME_MARKING = "urn:ietf:params:rtp-hdrext:framemarking"
FRAME_MARKING_DRAFT = "http://tools.ietf.org/html/draft-ietf-avtext-framemarking-07"
"""What stacks older than RFC 9626 call it."""

_COMMON = frozenset({MID, ABS_SEND_TIME, TRANSPORT_CC, ABS_CAPTURE_TIME})
_VIDEO = _COMMON | {
    RID,
    REPAIRED_RID,
    VIDEO_ORIENTATION,
    PLAYOUT_DELAY,
    DEPENDENCY_DESCRIPTOR,
    FRAME_MARKING,
    FRAME_MARKING_DRAFT,
}
_AUDIO = _COMMON | {AUDIO_LEVEL}

OFFERED: dict[str, tuple[ExtMap, ...]] = {
    "audio": (
        ExtMap(1, MID),
        ExtMap(2, ABS_SEND_TIME),
        ExtMap(3, TRANSPORT_CC),
        ExtMap(4, AUDIO_LEVEL),
        ExtMap(7, ABS_CAPTURE_TIME),
    ),
    "video": (
        ExtMap(1, MID),
        ExtMap(2, ABS_SEND_TIME),
        ExtMap(3, TRANSPORT_CC),
        ExtMap(5, VIDEO_ORIENTATION),
        ExtMap(6, PLAYOUT_DELAY),
        ExtMap(7, ABS_CAPTURE_TIME),
        ExtMap(8, DEPENDENCY_DESCRIPTOR),
        ExtMap(9, FRAME_MARKING),
    ),
}
"""Extensions in the bridge's own offers, by kind. An id means one thing on all m-lines, as BUNDLE demands."""


def answered(media: MediaDescription) -> list[ExtMap]:
    """The extensions of an offered m-line that the bridge takes, as its answer says them."""
    known = _AUDIO if media.kind == "audio" else _VIDEO
    feedback = {value for codec in media.codecs for value in codec.feedback}
    if "ack ccfb" in feedback and "transport-cc" not in feedback:
        # Who tells by source what arrived (RFC 8888) has no use for numbers over all sources.
        known = known - {TRANSPORT_CC}
    wanted = {"sendrecv", "sendonly"} if media.sends else {"sendrecv", "recvonly"}
    return [
        ExtMap(extension.id, extension.uri, REVERSED[extension.direction])
        for extension in media.extensions
        if extension.uri in known and extension.direction in wanted
    ]


def united(sections: Iterable[MediaDescription]) -> dict[str, int]:
    """Id by URI over the m-lines of a bundle. Where a peer numbers an extension twice, the first m-line's id counts."""
    ids: dict[str, int] = {}
    for media in sections:
        for extension in media.extensions:
            if extension.id not in ids.values():
                ids.setdefault(extension.uri, extension.id)
    return ids
