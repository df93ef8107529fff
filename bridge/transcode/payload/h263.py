"""H.263 in RTP: RFC 4629 (H263-1998, H263-2000) and RFC 2190 (H263, payload type 34), which old equipment speaks."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bridge.transcode.rtp import MalformedPacketError

SIZES = {1: (128, 96), 2: (176, 144), 3: (352, 288), 4: (704, 576)}
"""Sub-QCIF, QCIF, CIF and 4CIF by their source format (ITU-T H.263, table 1): all that is taken and made."""
PIXEL_SHAPE = (12, 11)
"""Width to height of a pixel of each of them."""

_START = b"\x00\x00"
_HEADER_A, _HEADER_B, _HEADER_C = 4, 8, 12
_EXTENDED = 7
"""Source format of a picture header with PLUSPTYPE."""
_BLOCK = struct.Struct("<IBBHbbbb")
_MIN_HEADER = 8


@dataclass(frozen=True, slots=True)
class Block:
    """Where a macroblock begins, and what a packet that begins with it says of it (RFC 2190, section 5.2)."""

    bit: int
    quantiser: int
    group: int
    address: int
    """Of the macroblock in its group of blocks."""
    vector: tuple[int, int]
    """Predictor of its motion vector."""

    @classmethod
    def parse_all(cls, data: bytes) -> list[Block]:
        """FFmpeg's `h263_mb_info`."""
        whole = len(data) - len(data) % _BLOCK.size
        return [
            cls(bit, quantiser, group, address, (horizontal, vertical))
            for bit, quantiser, group, address, horizontal, vertical, *_ in _BLOCK.iter_unpack(data[:whole])
        ]


def is_keyframe(frame: bytes) -> bool:
    """By the picture header (ITU-T H.263, sections 5.1.3 and 5.1.4)."""
    bits = int.from_bytes(frame[:_MIN_HEADER], "big")
    if _bits(bits, 35, 3) != _EXTENDED:
        return _bits(bits, 38, 1) == 0
    # With UFEP there are 18 bits of OPPTYPE before the picture type.
    at = 41 + (18 if _bits(bits, 38, 3) == 1 else 0)
    return _bits(bits, at, 3) == 0


def depacketise(payloads: Sequence[bytes]) -> bytes:
    """A picture out of RFC 4629's payloads."""
    return _picture(b"".join(_without_header(payload) for payload in payloads))


def _without_header(payload: bytes) -> bytes:
    if len(payload) < 2:
        raise MalformedPacketError("the payload header is cut off")
    starts, redundant, extra = payload[0] & 4, payload[0] & 2, (payload[0] & 1) << 5 | payload[1] >> 3
    at = 2 + (1 if redundant else 0) + extra
    if len(payload) <= at:
        raise MalformedPacketError("the payload is nothing but its header")
    return (_START if starts else b"") + payload[at:]


def depacketise_2190(payloads: Sequence[bytes]) -> bytes:
    """A picture out of RFC 2190's payloads, of modes A, B and C; packets may end within a byte."""
    picture, spare = bytearray(), 0
    for payload in payloads:
        header = _length_2190(payload)
        body, begins, ends = payload[header:], payload[0] >> 3 & 7, payload[0] & 7
        if not body or (begins + spare) % 8:
            raise MalformedPacketError("the payload does not go on where the one before it ended")
        if begins:
            picture[-1] = picture[-1] & 0xFF << spare | body[0] & 0xFF >> begins
            body = body[1:]
        picture += body
        spare = ends
    return _picture(bytes(picture))


def _length_2190(payload: bytes) -> int:
    if len(payload) < _HEADER_A:
        raise MalformedPacketError("the payload header is cut off")
    if not payload[0] & 0x80:
        return _HEADER_A
    return _HEADER_C if payload[0] & 0x40 else _HEADER_B


def _picture(data: bytes) -> bytes:
    if len(data) < _MIN_HEADER or data[:2] != _START or data[2] >> 2 != 0x20:
        raise MalformedPacketError("no picture start code")
    return data


def packetise(frame: bytes, limit: int) -> list[bytes]:
    """RFC 4629's payloads of `limit` bytes at most: only the first is one that begins with a start code."""
    body = frame[len(_START) :]
    size = _shared(len(body), limit - 2)
    payloads = [b"\x00\x00" + body[at : at + size] for at in range(0, len(body), size)]
    return [b"\x04\x00" + body[:size], *payloads[1:]]


def packetise_2190(frame: bytes, blocks: Sequence[Block], limit: int) -> list[bytes]:
    """RFC 2190's payloads: mode A for the first, and mode B for those that begin with one of `blocks`.

    They are of `limit` bytes at most, where macroblocks are so small that there is one to begin with.
    """
    bits = int.from_bytes(frame[:_MIN_HEADER], "big")
    source, flags = _bits(bits, 35, 3), _bits(bits, 38, 4)
    payloads: list[bytes] = []
    begin, block = 0, None
    for following in (*_cuts(blocks, 8 * (limit - _HEADER_B), 8 * len(frame)), None):
        end = 8 * len(frame) if following is None else following.bit
        body = frame[begin // 8 : -(-end // 8)]
        first = begin % 8 << 3 | -end % 8
        if block is None:
            # I, U, S and A as in the picture header; nothing of PB-frames.
            payloads.append(bytes([first, source << 5 | flags << 1, 0, 0]) + body)
        else:
            word = source << 29 | block.quantiser << 24 | block.group << 19 | block.address << 10
            head = bytes([0x80 | first]) + (word >> 8).to_bytes(3, "big")
            horizontal, vertical = (each & 0x7F for each in block.vector)
            payloads.append(head + (flags << 28 | horizontal << 21 | vertical << 14).to_bytes(4, "big") + body)
        begin, block = end, following
    return payloads


def _cuts(blocks: Sequence[Block], room: int, end: int) -> Iterator[Block]:
    """The blocks that packets begin with: each is the last one that still leaves a packet within so many bits."""
    begin, last = 0, None
    for block in blocks:
        if block.bit - begin // 8 * 8 > room and last is not None:
            yield last
            begin, last = last.bit, None
        last = block if begin < block.bit < end else last
    if end - begin // 8 * 8 > room and last is not None:
        yield last


def _shared(length: int, room: int) -> int:
    """Bytes of a payload where a frame is cut into as few as fit, of nearly equal size."""
    return -(-length // max(1, -(-length // room)))


def _bits(word: int, at: int, count: int) -> int:
    """Bits of the first eight bytes of a picture, counted from its beginning."""
    return word >> (8 * _MIN_HEADER - at - count) & (1 << count) - 1
