"""What a still picture is, read from its headers alone: nothing is decoded here.

Whatever tells more than the picture itself (EXIF with the place where it was taken, thumbnails, comments, what hangs
behind its end) is left out on the way: ITU-T T.81 annex B for JPEG, W3C PNG (third edition) section 5 for PNG.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from bridge.errors import BridgeError

MIN_SIDE = 16
MAX_SIDE = 12_000
MAX_PIXELS = 50_000_000
"""More than cameras of phones give, and as much as a browser decodes without harm."""

JPEG, PNG = "image/jpeg", "image/png"
CONTENT_TYPES = (JPEG, PNG)

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT"})

_SOI, _EOI, _SOS, _DQT, _DHT, _DRI = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD
_JFIF, _ICC, _ADOBE = (0xE0, b"JFIF\x00"), (0xE2, b"ICC_PROFILE\x00"), (0xEE, b"Adobe")
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
"""Baseline, extended sequential and progressive, by Huffman coding: what browsers decode."""
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""In entropy-coded data FF stands before 00, a restart marker or another FF; anything else is a marker."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is handed on: `data` is a whole file with nothing in it but the picture."""

    content_type: str
    width: int
    height: int
    data: bytes


def read_picture(data: bytes) -> Picture:
    """Holds a file to be a JPEG or PNG of bounded size, and takes out what is no part of the picture.

    Raises `BridgeError`: `bad_picture`, or `picture_too_large` for one with too many pixels.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return _read_jpeg(data)
    if data.startswith(_PNG_SIGNATURE):
        return _read_png(data)
    raise _bad("It is neither JPEG nor PNG.")


def _read_jpeg(data: bytes) -> Picture:
    kept: list[bytes | memoryview] = [data[:2]]
    view = memoryview(data)
    size: tuple[int, int] | None = None
    at = 2
    while True:
        # Any number of FF may stand in front of a marker.
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if len(data) < at + 2 or data[at] != 0xFF:
            raise _bad("A marker is missing.")
        marker = data[at + 1]
        if marker == _EOI:
            break
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        end = at + 2 + length
        if length < 2 or end > len(data):
            raise _bad("It is cut off.")
        if marker in _FRAMES and size is None and length >= 8:
            height, width = (int.from_bytes(data[at + offset : at + offset + 2], "big") for offset in (5, 7))
            size = _bounded(width, height)
        elif marker == _SOS:
            if size is None:
                raise _bad("It does not say how large it is.")
            found = _END_OF_SCAN.search(data, end)
            if found is None:
                raise _bad("It is cut off.")
            end = found.start()
        elif not _is_kept(marker, data[at + 4 : at + 20]):
            at = end
            continue
        kept.append(view[at:end])
        at = end
    if size is None:
        raise _bad("It does not say how large it is.")
    kept.append(b"\xff\xd9")
    return Picture(JPEG, *size, b"".join(kept))


def _is_kept(marker: int, begins: bytes) -> bool:
    if marker in (_DQT, _DHT, _DRI):
        return True
    return any(marker == kept and begins.startswith(name) for kept, name in (_JFIF, _ICC, _ADOBE))


def _read_png(data: bytes) -> Picture:
    kept: list[bytes | memoryview] = [_PNG_SIGNATURE]
    view = memoryview(data)
    size: tuple[int, int] | None = None
    at = len(_PNG_SIGNATURE)
    while True:
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 12 + length
        if len(kind) < 4 or end > len(data):
            raise _bad("It is cut off.")
        if zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise _bad("A part of it is damaged.")
        if size is None:
            if kind != b"IHDR" or length != 13:
                raise _bad("It does not say how large it is.")
            size = _bounded(
                int.from_bytes(data[at + 8 : at + 12], "big"), int.from_bytes(data[at + 12 : at + 16], "big")
            )
        if kind in _PNG_KEPT:
            kept.append(view[at:end])
        if kind == b"IEND":
            return Picture(PNG, *size, b"".join(kept))
        at = end


def _bounded(width: int, height: int) -> tuple[int, int]:
    if min(width, height) < MIN_SIDE:
        raise _bad(f"It has {width}x{height} pixels; each side has {MIN_SIDE} at least.")
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise BridgeError(
            "picture_too_large",
            f"It has {width}x{height} pixels; {MAX_SIDE} a side and {MAX_PIXELS} in all are the most.",
            field="body",
        )
    return width, height


def _bad(why: str) -> BridgeError:
    return BridgeError("bad_picture", f"This is no picture that can be handed on. {why}", field="body")
