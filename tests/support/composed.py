"""Reads a composed picture back, tile by tile: whose colour stands where."""

from __future__ import annotations

import av
import numpy as np
from aiortc import MediaStreamTrack
from numpy.typing import NDArray

from bridge.transcode.compose import Arrangement, Party, arrange
from tests.support.media import Identity, Watcher, identity_of_colour


def tiles(rgb: NDArray[np.uint8], parties: int, arranged: Arrangement | None = None) -> list[Identity | None]:
    """Whose colour fills the middle of each tile, of a grid in order of joining; `rgb` is height × width × 3."""
    height, width = rgb.shape[:2]
    arranged = arranged or arrange("auto", width, height, [Party(str(index)) for index in range(parties)])
    found = []
    for tile in arranged.tiles:
        place = tile.picture
        middle = rgb[
            place.y + place.height * 5 // 8 : place.y + place.height * 7 // 8,
            place.x + place.width // 4 : place.x + place.width * 3 // 4,
        ]
        found.append(identity_of_colour(middle.reshape(-1, 3).mean(axis=0)))
    return found


class ComposedWatcher:
    """Watches a composed picture of so many parties."""

    def __init__(self, track: MediaStreamTrack | None = None) -> None:
        self.frame: av.VideoFrame | None = None
        self.count = 0
        self.watcher = None if track is None else Watcher(track, inspect=self.look).start()

    def look(self, frame: object) -> None:
        """Keeps the newest picture."""
        assert isinstance(frame, av.VideoFrame)
        self.frame, self.count = frame, self.count + 1

    def shows(self, *identities: Identity | None) -> bool:
        """Whether these are in the newest picture, in this order, and nobody else; None for initials."""
        if self.frame is None:
            return False
        picture = self.frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
        return tiles(picture, len(identities)) == list(identities)
