"""EBML elements (RFC 8794): as much as WebM takes."""

from __future__ import annotations

import struct

UNKNOWN_SIZE = b"\x01" + b"\xff" * 7


class EbmlError(ValueError):
    """Bytes that are no EBML."""


def size(length: int) -> bytes:
    """A length, in as few bytes as it takes."""
    for width in range(1, 9):
        if length < (1 << (7 * width)) - 1:
            return (length | 1 << (7 * width)).to_bytes(width, "big")
    raise EbmlError(f"{length} bytes are too many")


def element(identity: bytes, *content: bytes) -> bytes:
    """An element."""
    body = b"".join(content)
    return identity + size(len(body)) + body


def unsigned(identity: bytes, value: int, *, width: int | None = None) -> bytes:
    """An unsigned integer, in `width` bytes or as few as it takes."""
    return element(identity, value.to_bytes(width or max((value.bit_length() + 7) // 8, 1), "big"))


def real(identity: bytes, value: float) -> bytes:
    """A number in double precision."""
    return element(identity, struct.pack(">d", value))


def text(identity: bytes, value: str) -> bytes:
    """A text."""
    return element(identity, value.encode())


def read_head(data: bytes, at: int) -> tuple[bytes, int | None, int] | None:
    """The identity, length (None if unknown) and beginning of the content of the element at `at`.

    None where the data end within the head. Raises `EbmlError`.
    """
    if at >= len(data):
        return None
    width = _width(data[at], 4)
    identity, at = data[at : at + width], at + width
    if at >= len(data):
        return None
    width = _width(data[at], 8)
    encoded = data[at : at + width]
    if len(encoded) < width:
        return None
    value = int.from_bytes(encoded, "big") & ((1 << (7 * width)) - 1)
    unknown = value == (1 << (7 * width)) - 1
    return identity, None if unknown else value, at + width


def _width(first: int, most: int) -> int:
    width = 9 - first.bit_length()
    if width > most:
        raise EbmlError("an element begins with a length that none can have")
    return width
