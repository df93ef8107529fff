"""AV1 in RTP (AOM's "RTP Payload Format For AV1", version 1.0)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bridge.transcode.rtp import MalformedPacketError

_SEQUENCE_HEADER = 1
_TEMPORAL_DELIMITER = 2
_TILE_LIST = 8
_CONTINUES, _CONTINUED, _SEQUENCE_BEGINS = 0x80, 0x40, 0x08
"""Z, Y and N of the aggregation header."""
_SIZE_BYTES = 2
"""Of the length before an element: none is longer than a packet."""
_DELIMITER = bytes([_TEMPORAL_DELIMITER << 3 | 2, 0])


def depacketise(payloads: Sequence[bytes]) -> bytes:
    """A temporal unit in the low-overhead format, every OBU with its size."""
    obus: list[bytes] = []
    pending: bytes | None = None
    for payload in payloads:
        if len(payload) < 2:
            raise MalformedPacketError("the payload is empty")
        elements = list(_elements(payload))
        continues, continued = bool(payload[0] & _CONTINUES), bool(payload[0] & _CONTINUED)
        if continues != (pending is not None) or not elements:
            raise MalformedPacketError("fragments of OBUs are out of order")
        if pending is not None:
            elements[0] = pending + elements[0]
        pending = elements.pop() if continued else None
        obus.extend(elements)
    if pending is not None:
        raise MalformedPacketError("an OBU has no end")
    return _DELIMITER + b"".join(_sized(obu) for obu in obus if obu)


def is_keyframe(frame: bytes) -> bool:
    """Whether the unit begins with a sequence header, which senders put before each keyframe and nowhere else."""
    return len(frame) > len(_DELIMITER) and frame[len(_DELIMITER)] >> 3 & 15 == _SEQUENCE_HEADER


def packetise(unit: bytes, limit: int, *, keyframe: bool) -> list[bytes]:
    """Payloads of `limit` bytes at most of a temporal unit whose OBUs have sizes, as encoders give them.

    Every element has its length (W is 0). Raises `MalformedPacketError` for a unit that is cut off.
    """
    payloads: list[bytes] = []
    head, body = _SEQUENCE_BEGINS if keyframe else 0, bytearray()
    for obu in _unsized(unit):
        at = 0
        while at < len(obu):
            room = limit - 1 - len(body) - _SIZE_BYTES
            if room > 0:
                part = obu[at : at + room]
                body += _write_leb128(len(part)) + part
                at += len(part)
            if at < len(obu):
                goes_on = room > 0
                payloads.append(bytes([head | (_CONTINUED if goes_on else 0)]) + body)
                head, body = _CONTINUES if goes_on else 0, bytearray()
    return [*payloads, bytes([head]) + body] if body else payloads


def _unsized(unit: bytes) -> Iterator[bytes]:
    """The OBUs of a temporal unit as they are sent: without their sizes, and without those that must not be."""
    at = 0
    while at < len(unit):
        header = 2 if unit[at] & 4 else 1
        if not unit[at] & 2:
            raise MalformedPacketError("an OBU has no size")
        size, body = _leb128(unit, at + header)
        if body + size > len(unit):
            raise MalformedPacketError("an OBU is cut off")
        if unit[at] >> 3 & 15 not in (_TEMPORAL_DELIMITER, _TILE_LIST):
            yield bytes([unit[at] & ~2]) + unit[at + 1 : at + header] + unit[body : body + size]
        at = body + size


def _elements(payload: bytes) -> Iterator[bytes]:
    """The OBU elements of one packet."""
    count, at, index = payload[0] >> 4 & 3, 1, 0
    while at < len(payload):
        index += 1
        if index == count:
            yield payload[at:]
            return
        size, at = _leb128(payload, at)
        if at + size > len(payload):
            raise MalformedPacketError("an OBU element is cut off")
        yield payload[at : at + size]
        at += size


def _sized(obu: bytes) -> bytes:
    """An OBU with a size field; nothing for those that must not be sent, and that decoders do without."""
    kind, extended, sized = obu[0] >> 3 & 15, bool(obu[0] & 4), bool(obu[0] & 2)
    if kind in (_TEMPORAL_DELIMITER, _TILE_LIST):
        return b""
    if sized:
        return obu
    header = 2 if extended else 1
    body = obu[header:]
    return bytes([obu[0] | 2]) + obu[1:header] + _write_leb128(len(body)) + body


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 35, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
    raise MalformedPacketError("a size is cut off")


def _write_leb128(value: int) -> bytes:
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
