"""A picture as three planes (YUV 4:2:0, 8 bit, studio range, BT.601), and what is drawn on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import av
import numpy as np
from numpy.typing import NDArray

from bridge.transcode.compose.geometry import Rect
from bridge.transcode.compose.lettering import Mask

Plane: TypeAlias = NDArray[np.uint8]
Colour: TypeAlias = tuple[int, int, int]
"""Y, U, V."""

BLACK: Colour = (16, 128, 128)
WHITE: Colour = (235, 128, 128)


@dataclass(frozen=True, slots=True)
class Planes:
    """Y of height × width, U and V of half of both. They may be views into something larger."""

    y: Plane
    u: Plane
    v: Plane

    @classmethod
    def blank(cls, width: int, height: int, colour: Colour = BLACK) -> Planes:
        """A picture of one colour."""
        y, u, v = colour
        half = height // 2, width // 2
        return cls(np.full((height, width), y, np.uint8), np.full(half, u, np.uint8), np.full(half, v, np.uint8))

    @classmethod
    def of(cls, frame: av.VideoFrame) -> Planes:
        """The planes of a frame in yuv420p, as views into it."""
        views = []
        for plane in frame.planes:
            lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
            views.append(lines[: plane.height, : plane.width])
        return cls(*views)

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.y.shape[1])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.y.shape[0])

    def part(self, rect: Rect) -> Planes:
        """A view of a part."""
        x, y, right, bottom = rect.x // 2, rect.y // 2, (rect.x + rect.width) // 2, (rect.y + rect.height) // 2
        return Planes(
            self.y[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width],
            self.u[y:bottom, x:right],
            self.v[y:bottom, x:right],
        )

    def turned(self, degrees: int) -> Planes:
        """A view turned clockwise by a multiple of 90 degrees."""
        times = -degrees // 90
        return Planes(*(np.rot90(plane, times) for plane in (self.y, self.u, self.v)))

    def copy(self) -> Planes:
        """A picture of its own with the same content."""
        return Planes(self.y.copy(), self.u.copy(), self.v.copy())

    def put(self, other: Planes) -> None:
        """Takes over the content of a picture of the same size."""
        self.y[:], self.u[:], self.v[:] = other.y, other.u, other.v

    def fill(self, colour: Colour) -> None:
        """Becomes one colour."""
        self.y[:], self.u[:], self.v[:] = colour

    def dim(self) -> None:
        """Becomes half as bright and half as colourful."""
        self.y[:] = (self.y >> 1) + 8
        self.u[:] = (self.u >> 1) + 64
        self.v[:] = (self.v >> 1) + 64

    def stamp(self, mask: Mask, x: int, y: int, colour: Colour) -> None:
        """Draws a mask in a colour, its upper left corner at (x, y), both even. What stands outside is cut off."""
        mask = mask[: self.height - y, : self.width - x]
        # Whole cells of chroma only: an odd edge has nothing to be drawn in.
        mask = np.pad(mask, ((0, mask.shape[0] % 2), (0, mask.shape[1] % 2)))[: self.height - y, : self.width - x]
        _blend(self.y[y : y + mask.shape[0], x : x + mask.shape[1]], mask, colour[0])
        quarter = mask.reshape(mask.shape[0] // 2, 2, mask.shape[1] // 2, 2).mean(axis=(1, 3)).astype(np.uint8)
        rows, columns = quarter.shape
        _blend(self.u[y // 2 : y // 2 + rows, x // 2 : x // 2 + columns], quarter, colour[1])
        _blend(self.v[y // 2 : y // 2 + rows, x // 2 : x // 2 + columns], quarter, colour[2])

    def mixed(self, other: Planes, share: float) -> Planes:
        """A new picture with `share` (0 to 1) of the other and the rest of this one."""
        weight = round(share * 256)
        pairs = ((self.y, other.y), (self.u, other.u), (self.v, other.v))
        return Planes(*(_cross(before, after, weight) for before, after in pairs))


def _blend(under: Plane, mask: Mask, value: int) -> None:
    covered = mask.astype(np.int32)
    under[:] = (under * (255 - covered) + value * covered + 127) // 255


def _cross(before: Plane, after: Plane, weight: int) -> Plane:
    mixed = before.astype(np.uint16) * (256 - weight)
    mixed += after.astype(np.uint16) * np.uint16(weight)
    return np.asarray(mixed >> 8, dtype=np.uint8)
