"""One picture for a receiver who can take only one, or for a recording: layouts, names, signs, in YUV all the way."""

from bridge.transcode.compose.compositor import Compositor, LayoutSettings
from bridge.transcode.compose.geometry import Rect
from bridge.transcode.compose.layouts import LAYOUTS, Arrangement, LayoutError, Party, Tile, arrange
from bridge.transcode.compose.planes import Planes
from bridge.transcode.compose.rungs import RUNGS, Rung, choose_rung
from bridge.transcode.compose.sources import Source

__all__ = [
    "LAYOUTS",
    "RUNGS",
    "Arrangement",
    "Compositor",
    "LayoutError",
    "LayoutSettings",
    "Party",
    "Planes",
    "Rect",
    "Rung",
    "Source",
    "Tile",
    "arrange",
    "choose_rung",
]
