"""Where keyframes begin, and how they are asked for."""

from __future__ import annotations

import struct

_PSFB = 206
_PLI, _FIR = 1, 4


def begins_keyframe(packet: bytes) -> bool:
    """Whether an RTP packet in clear begins a keyframe of VP8 (RFC 7741, sections 4.2 and 4.3)."""
    start = 12 + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10:
        (words,) = struct.unpack_from("!H", packet, start + 2)
        start += 4 + 4 * words
    payload = packet[start:]
    if len(payload) < 2 or payload[0] & 0x17 != 0x10:
        # Not the start of the first partition.
        return False
    at = 1
    if payload[0] & 0x80:
        extensions = payload[1]
        at = 2
        if extensions & 0x80:
            at += 2 if payload[at] & 0x80 else 1
        at += bool(extensions & 0x40) + bool(extensions & 0x30)
    return len(payload) > at and not payload[at] & 0x01


def asks_for_keyframe(compound: bytes) -> bool:
    """Whether an RTCP packet in clear holds a picture loss indication or a full intra request (RFC 4585, RFC 5104)."""
    at = 0
    while at + 4 <= len(compound):
        first, kind, words = struct.unpack_from("!BBH", compound, at)
        if kind == _PSFB and first & 0x1F in (_PLI, _FIR):
            return True
        at += 4 + 4 * words
    return False
