"""A time code in a picture that survives scaling and coding: milliseconds as black and white cells.

The code fills the upper half of the picture: four rows of ten cells. 32 bits are the time, highest first, and 8 are
their CRC, so that what is no code, or one that a codec has broken, is read as none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROWS, COLUMNS = 4, 10
TIME_BITS = 32
LONGEST = 1 << TIME_BITS
"""Milliseconds after which the code begins anew: some 50 days."""
SHARE = 0.5
"""Of the picture's height, from above, that the code fills."""
BLACK, WHITE = 16, 235
_MIDDLE = (BLACK + WHITE) / 2
_CLEAR = 30
"""By how much a cell's brightness has to differ from the middle to be read."""

Luma = NDArray[np.uint8]


def draw_time_code(luma: Luma, milliseconds: int) -> None:
    """Draws the code into the upper half of a picture's Y plane (height × width), in place."""
    bits = _bits(milliseconds % LONGEST)
    rows, columns = _borders(luma)
    for row in range(ROWS):
        for column in range(COLUMNS):
            cell = luma[rows[row] : rows[row + 1], columns[column] : columns[column + 1]]
            cell[:] = WHITE if bits[row * COLUMNS + column] else BLACK


def read_time_code(luma: Luma) -> int | None:
    """The milliseconds that stand in a Y plane, or in the part of it that shows the source; None if there are none."""
    rows, columns = _borders(luma)
    bits = []
    for row in range(ROWS):
        for column in range(COLUMNS):
            cell = luma[_inner(rows[row], rows[row + 1]), _inner(columns[column], columns[column + 1])]
            brightness = float(cell.mean()) if cell.size else _MIDDLE
            if abs(brightness - _MIDDLE) < _CLEAR:
                return None
            bits.append(brightness > _MIDDLE)
    milliseconds = sum(bit << (TIME_BITS - 1 - index) for index, bit in enumerate(bits[:TIME_BITS]))
    return milliseconds if _bits(milliseconds) == bits else None


def _borders(luma: Luma) -> tuple[list[int], list[int]]:
    height, width = luma.shape
    rows = [round(height * SHARE * row / ROWS) for row in range(ROWS + 1)]
    return rows, [round(width * column / COLUMNS) for column in range(COLUMNS + 1)]


def _inner(begin: int, end: int) -> slice:
    """The middle of a cell, away from what scaling makes of its edges."""
    margin = (end - begin) // 4
    return slice(begin + margin, end - margin)


def _bits(milliseconds: int) -> list[bool]:
    value = milliseconds << 8 | _crc(milliseconds)
    return [bool(value >> shift & 1) for shift in range(ROWS * COLUMNS - 1, -1, -1)]


def _crc(milliseconds: int) -> int:
    """CRC-8 with the polynomial 0x07; it begins with all ones, so that a black picture is no code."""
    crc = 0xFF
    for byte in milliseconds.to_bytes(4, "big"):
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc
