"""H.264 in RTP (RFC 6184): single NAL units, STAP-A and FU-A; frames are byte streams (Annex B) towards the codec."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence

from bridge.transcode.rtp import MalformedPacketError

_START_CODE = b"\x00\x00\x00\x01"
_IDR = 5
_SEI = 6
_SPS = 7
_PPS = 8
_DELIMITER = 9
_STAP_A = 24
_FU_A = 28
_SEPARATOR = re.compile(rb"\x00\x00\x00?\x01")


def depacketise(payloads: Sequence[bytes]) -> bytes:
    """An access unit as a byte stream. Interleaved modes, which nobody negotiates, raise `MalformedPacketError`."""
    units: list[bytes] = []
    fragments: list[bytes] = []
    for payload in payloads:
        if not payload:
            raise MalformedPacketError("the payload is empty")
        kind = payload[0] & 31
        if fragments and kind != _FU_A:
            raise MalformedPacketError("a fragmented NAL unit has no end")
        if 1 <= kind <= 23:
            units.append(payload)
        elif kind == _STAP_A:
            units.extend(_aggregated(payload))
        elif kind == _FU_A:
            _fragment(payload, fragments, units)
        else:
            raise MalformedPacketError(f"packets of type {kind} are not taken")
    if fragments:
        raise MalformedPacketError("a fragmented NAL unit has no end")
    if not units:
        raise MalformedPacketError("the access unit has no NAL units")
    return b"".join(_START_CODE + unit for unit in units)


def is_keyframe(frame: bytes) -> bool:
    """Whether the access unit has an IDR picture."""
    return any(unit[0] & 31 == _IDR for unit in nal_units(frame))


def has_parameter_sets(frame: bytes) -> bool:
    """Whether the access unit brings a sequence parameter set of its own. It is always before the pictures."""
    return any(unit[0] & 31 == _SPS for unit in nal_units(frame))


def nal_units(frame: bytes) -> Iterator[bytes]:
    """The NAL units of a byte stream."""
    starts = list(_SEPARATOR.finditer(frame))
    for index, start in enumerate(starts):
        end = starts[index + 1].start() if index + 1 < len(starts) else len(frame)
        if start.end() < end:
            yield frame[start.end() : end]


def _aggregated(payload: bytes) -> Iterator[bytes]:
    at = 1
    while at + 2 <= len(payload):
        (length,) = struct.unpack_from("!H", payload, at)
        unit = payload[at + 2 : at + 2 + length]
        if not unit or len(unit) < length:
            raise MalformedPacketError("an aggregated NAL unit is cut off")
        yield unit
        at += 2 + length


def _fragment(payload: bytes, fragments: list[bytes], units: list[bytes]) -> None:
    if len(payload) < 3:
        raise MalformedPacketError("a fragment is cut off")
    begins, ends = bool(payload[1] & 0x80), bool(payload[1] & 0x40)
    if begins == bool(fragments):
        raise MalformedPacketError("fragments of NAL units are out of order")
    if begins:
        fragments.append(bytes([(payload[0] & 0xE0) | (payload[1] & 31)]))
    fragments.append(payload[2:])
    if ends:
        units.append(b"".join(fragments))
        fragments.clear()


def packetise(frame: bytes, limit: int, *, fragments: bool) -> list[bytes]:
    """Payloads of `limit` bytes at most.

    `fragments` is packetization-mode 1: parameter sets share a STAP-A, larger units become FU-As. Without it (mode 0)
    every unit is a packet of its own, so the encoder has to make slices that fit.
    """
    units = [unit for unit in nal_units(frame) if unit[0] & 31 != _DELIMITER]
    if not fragments:
        return units
    payloads: list[bytes] = []
    sets = [unit for unit in units if unit[0] & 31 in (_SPS, _PPS, _SEI)]
    if len(sets) > 1 and sum(len(unit) + 2 for unit in sets) < limit:
        header = bytes([_STAP_A | max(unit[0] & 0x60 for unit in sets)])
        payloads.append(header + b"".join(struct.pack("!H", len(unit)) + unit for unit in sets))
        units = [unit for unit in units if unit[0] & 31 not in (_SPS, _PPS, _SEI)]
    for unit in units:
        if len(unit) <= limit:
            payloads.append(unit)
        else:
            payloads.extend(_fragments(unit, limit))
    return payloads


def _fragments(unit: bytes, limit: int) -> Iterator[bytes]:
    indicator, kind, body = (unit[0] & 0xE0) | _FU_A, unit[0] & 31, unit[1:]
    count = -(-len(body) // (limit - 2))
    size = -(-len(body) // count)
    for at in range(0, len(body), size):
        flags = (0x80 if at == 0 else 0) | (0x40 if at + size >= len(body) else 0)
        yield bytes([indicator, flags | kind]) + body[at : at + size]
