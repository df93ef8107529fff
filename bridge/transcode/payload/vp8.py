"""VP8 in RTP (RFC 7741)."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.transcode.rtp import MalformedPacketError

_START = 0x10
_PICTURE_ID_BITS = 15


def depacketise(payloads: Sequence[bytes]) -> bytes:
    """A VP8 frame."""
    parts = []
    for index, payload in enumerate(payloads):
        at, starts = _descriptor(payload)
        if index == 0 and not starts:
            raise MalformedPacketError("the frame has no beginning")
        parts.append(payload[at:])
    frame = b"".join(parts)
    if len(frame) < 3:
        raise MalformedPacketError("the frame is shorter than its header")
    return frame


def is_keyframe(frame: bytes) -> bool:
    """By the frame tag (RFC 6386, section 9.1)."""
    return not frame[0] & 1


def _descriptor(payload: bytes) -> tuple[int, bool]:
    """Length of the payload descriptor, and whether the packet begins the frame's first partition."""
    if not payload:
        raise MalformedPacketError("the payload is empty")
    at = 1
    if payload[0] & 0x80:
        if len(payload) < 2:
            raise MalformedPacketError("the payload descriptor is cut off")
        flags = payload[1]
        at = 2
        if flags & 0x80:
            at += 2 if len(payload) > at and payload[at] & 0x80 else 1
        if flags & 0x40:
            at += 1
        if flags & 0x30:
            at += 1
    if len(payload) <= at:
        raise MalformedPacketError("the payload is nothing but its descriptor")
    return at, bool(payload[0] & _START) and not payload[0] & 0x0F


def packetise(frame: bytes, picture_id: int, limit: int) -> list[bytes]:
    """Payloads of `limit` bytes at most, of nearly equal size, each with the 15-bit picture id."""
    number = picture_id & ((1 << _PICTURE_ID_BITS) - 1)
    descriptor = bytes([0x80, 0x80, 0x80 | number >> 8, number & 0xFF])
    room = limit - len(descriptor)
    count = max(1, -(-len(frame) // room))
    size = -(-len(frame) // count)
    payloads = [descriptor + frame[at : at + size] for at in range(0, len(frame), size)]
    payloads[0] = bytes([0x80 | _START]) + payloads[0][1:]
    return payloads
