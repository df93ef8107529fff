"""Payload formats: how the frames of each codec ride in RTP packets, both ways.

A depacketiser gets the payloads of one frame in order, all of them, and returns what the codec's decoder takes; what
it cannot make sense of raises `MalformedPacketError`. A packetiser cuts an encoded frame into payloads. FFmpeg has
packetisers only with whole streams and sockets of their own, and aiortc those of VP8 and H.264.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bridge.transcode.payload import av1, h263, h264, vp8, vp9

VIDEO_CLOCK = 90_000
"""Timestamp units per second of every picture."""
MAX_PAYLOAD = 1150
"""Bytes of a payload that a leg makes: with RTP, extensions and SRTP it fits every line that WebRTC runs on."""

Depacketise = Callable[[Sequence[bytes]], bytes]

DEPACKETISE: dict[str, Depacketise] = {
    "vp8": vp8.depacketise,
    "vp9": vp9.depacketise,
    "h264": h264.depacketise,
    "av1": av1.depacketise,
    "h263-1998": h263.depacketise,
    "h263": h263.depacketise_2190,
}
"""By codec, in small letters."""

IS_KEYFRAME: dict[str, Callable[[bytes], bool]] = {
    "vp8": vp8.is_keyframe,
    "vp9": vp9.is_keyframe,
    "h264": h264.is_keyframe,
    "av1": av1.is_keyframe,
    "h263-1998": h263.is_keyframe,
    "h263": h263.is_keyframe,
}
"""Whether a depacketised frame can be decoded without those before it."""
