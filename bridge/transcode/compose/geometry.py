"""Rectangles on a picture in 4:2:0, where everything stands on even numbers, and how a source fits into one."""

from __future__ import annotations

import math
from dataclasses import dataclass

MAX_CROP = 0.3
"""Share of a camera's picture that may be cut off so that it fills its place; the rest becomes bars. Faces are in the
middle: a 4:3 camera fills a 16:9 place, a telephone held upright keeps its bars."""


@dataclass(frozen=True, slots=True)
class Rect:
    """A part of the picture, in pixels, all of them even."""

    x: int
    y: int
    width: int
    height: int

    @property
    def area(self) -> int:
        """Pixels in it."""
        return self.width * self.height

    def inset(self, by: int) -> Rect:
        """What is left when `by` pixels (even) are taken off each side."""
        return Rect(self.x + by, self.y + by, max(self.width - 2 * by, 0), max(self.height - 2 * by, 0))

    def split_below(self, height: int) -> tuple[Rect, Rect]:
        """The upper part, and `height` pixels at the bottom."""
        height = min(height, self.height)
        upper = Rect(self.x, self.y, self.width, self.height - height)
        return upper, Rect(self.x, self.y + upper.height, self.width, height)

    def split_right(self, width: int) -> tuple[Rect, Rect]:
        """The left part, and `width` pixels at the right."""
        width = min(width, self.width)
        left = Rect(self.x, self.y, self.width - width, self.height)
        return left, Rect(self.x + left.width, self.y, width, self.height)


def even(length: float) -> int:
    """The nearest even number that is not larger."""
    return int(length) // 2 * 2


def cells(area: Rect, columns: int, rows: int, count: int) -> list[Rect]:
    """The first `count` cells of a grid; a last row that is not full stands in the middle."""
    width, height = even(area.width / columns), even(area.height / rows)
    top = area.y + even((area.height - rows * height) / 2)
    made = []
    for row in range(rows):
        in_row = min(columns, count - row * columns)
        left = area.x + even((area.width - in_row * width) / 2)
        made += [Rect(left + column * width, top + row * height, width, height) for column in range(in_row)]
    return made


def fit(cell: Rect, aspect: float, max_crop: float) -> Rect:
    """Where in `cell` a picture of this aspect ratio stands: all of it if cropping suffices, else as much as it can."""
    place = cell.width / cell.height
    least, most = aspect * (1.0 - max_crop), aspect / (1.0 - max_crop)
    shown = min(max(place, least), most)
    if math.isclose(shown, place, rel_tol=0.02):
        return cell
    width = min(cell.width, even(cell.height * shown))
    height = min(cell.height, even(cell.width / shown))
    return Rect(
        cell.x + even((cell.width - width) / 2),
        cell.y + even((cell.height - height) / 2),
        max(width, 2),
        max(height, 2),
    )
