"""VP9 in RTP (RFC 9628)."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.transcode.rtp import MalformedPacketError

_MAX_REFERENCES = 3
_HAS_PICTURE_ID, _PREDICTED, _START, _END = 0x80, 0x40, 0x08, 0x04
_PICTURE_ID_BITS = 15


def depacketise(payloads: Sequence[bytes]) -> bytes:
    """A VP9 frame, or the frames of a picture's spatial layers one after the other."""
    parts = []
    for index, payload in enumerate(payloads):
        at = _descriptor(payload)
        if index == 0 and not payload[0] & _START:
            raise MalformedPacketError("the frame has no beginning")
        parts.append(payload[at:])
    frame = b"".join(parts)
    if not frame or frame[0] >> 6 != 2:
        raise MalformedPacketError("no VP9 frame marker")
    return frame


def is_keyframe(frame: bytes) -> bool:
    """By the uncompressed header (VP9 bitstream specification, section 6.2)."""
    profile = (frame[0] >> 5 & 1) | (frame[0] >> 4 & 1) << 1
    shift = 2 if profile == 3 else 3
    shows_existing = frame[0] >> shift & 1
    return not shows_existing and not frame[0] >> (shift - 1) & 1


def _descriptor(payload: bytes) -> int:
    """Length of the payload descriptor."""
    try:
        flags, at = payload[0], 1
        if flags & 0x80:
            at += 2 if payload[at] & 0x80 else 1
        if flags & 0x20:
            at += 1 if flags & 0x10 else 2
        if flags & 0x50 == 0x50:
            for _ in range(_MAX_REFERENCES):
                at += 1
                if not payload[at - 1] & 1:
                    break
        if flags & 0x02:
            at = _scalability(payload, at)
    except IndexError:
        raise MalformedPacketError("the payload descriptor is cut off") from None
    if at >= len(payload):
        raise MalformedPacketError("the payload is nothing but its descriptor")
    return at


def _scalability(payload: bytes, at: int) -> int:
    head = payload[at]
    at += 1
    if head & 0x10:
        at += 4 * ((head >> 5) + 1)
    if head & 0x08:
        pictures = payload[at]
        at += 1
        for _ in range(pictures):
            at += 1 + (payload[at] >> 2 & 3)
    return at


def packetise(frame: bytes, picture_id: int, limit: int, *, keyframe: bool) -> list[bytes]:
    """Payloads of `limit` bytes at most, of nearly equal size, each with the 15-bit picture id; no layers."""
    number = picture_id & ((1 << _PICTURE_ID_BITS) - 1)
    flags = _HAS_PICTURE_ID | (0 if keyframe else _PREDICTED)
    count = max(1, -(-len(frame) // (limit - 3)))
    size = -(-len(frame) // count)
    payloads = []
    for at in range(0, len(frame), size):
        ends = (_START if at == 0 else 0) | (_END if at + size >= len(frame) else 0)
        payloads.append(bytes([flags | ends, 0x80 | number >> 8, number & 0xFF]) + frame[at : at + size])
    return payloads
