"""Boxes of MP4 (ISO/IEC 14496-12): as much as it takes to put the index before the media."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

_HEAD = struct.Struct(">I4s")
_TABLE_HEAD = 8
"""Bytes of a table before its entries: version, flags and how many there are."""
_ON_THE_WAY = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
"""Boxes of boxes that lead to where chunks of media are."""
_OFFSETS, _LONG_OFFSETS = b"stco", b"co64"


def box(kind: bytes, body: bytes) -> bytes:
    """A box of less than 4 GiB."""
    return _HEAD.pack(_HEAD.size + len(body), kind) + body


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of each box, for those of less than 4 GiB. Raises `ValueError` for what is none."""
    at = 0
    while at < len(data):
        if len(data) - at < _HEAD.size:
            raise ValueError("a box has no head")
        length, kind = _HEAD.unpack_from(data, at)
        if not _HEAD.size <= length <= len(data) - at:
            raise ValueError(f"a box has {length} bytes of {len(data) - at}")
        yield kind, data[at + _HEAD.size : at + length]
        at += length


def moved(index: bytes, by: int) -> bytes:
    """The index (`moov`) for media that lies `by` bytes further on.

    Offsets have eight bytes each then, so that its length does not hang on `by`. Raises `ValueError`.
    """
    return b"".join(_moved(kind, body, by) for kind, body in boxes(index))


def _moved(kind: bytes, body: bytes, by: int) -> bytes:
    if kind in _ON_THE_WAY:
        return box(kind, moved(body, by))
    if kind not in (_OFFSETS, _LONG_OFFSETS):
        return box(kind, body)
    offsets = np.frombuffer(body, ">u4" if kind == _OFFSETS else ">u8", offset=_TABLE_HEAD).astype(">u8") + np.uint64(
        by
    )
    return box(_LONG_OFFSETS, body[:_TABLE_HEAD] + offsets.astype(">u8").tobytes())
