"""Draws the sources of a room into one picture, and says in it what is not as it should be.

Only what has changed is drawn again: a tile whose source has sent nothing new, and a name that is the same, stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import av
from av.video.reformatter import ColorRange

from bridge.picture_layouts import PictureLayout
from bridge.transcode.compose.layouts import (
    Arrangement,
    LayoutError,
    Party,
    Tile,
    arrange,
    check_layout,
    check_size,
)
from bridge.transcode.compose.painting import (
    GROUND,
    Scaler,
    paint_border,
    paint_frozen,
    paint_label,
    paint_more,
    paint_placeholder,
)
from bridge.transcode.compose.planes import Planes
from bridge.transcode.compose.sources import Source
from bridge.transcode.compose.texts import TEXTS

CLOCK_RATE = 90_000
"""Hz of the frames' time stamps: that of RTP video."""


@dataclass(frozen=True, slots=True)
class LayoutSettings:
    """What a composed picture looks like."""

    layout: PictureLayout = "auto"
    width: int = 640
    height: int = 360
    """Pixels, even."""
    language: str = "nb"
    """Of what the compositor itself says: "nb", "nn" or "en"."""
    frozen_after: float = 1.0
    """Seconds without a new frame after which a picture is marked as frozen."""
    lost_after: float = 10.0
    """Seconds after which the initials stand in its place."""
    fade: float = 0.3
    """Seconds in which one arrangement becomes another."""

    def __post_init__(self) -> None:
        check_layout(self.layout)
        check_size(self.width, self.height)
        if self.language not in TEXTS:
            raise LayoutError(
                "unknown_language",
                f"There are no texts in {self.language!r}.",
                field="language",
                hint=f"known are: {', '.join(TEXTS)}",
            )


@dataclass(slots=True)
class _Drawn:
    """What stands in a tile at present."""

    scaler: Scaler
    picture: tuple[object, ...] = ()
    label: tuple[object, ...] = ()
    speaking: bool = False


class Compositor:
    """One composed picture, for all receivers who see the same."""

    def __init__(self, settings: LayoutSettings) -> None:
        self.settings = settings
        self.arrangement: Arrangement | None = None
        """How the last picture was arranged."""
        self._texts = TEXTS[settings.language]
        self._canvas = Planes.blank(settings.width, settings.height, GROUND)
        self._drawn: dict[str, _Drawn] = {}
        self._before: Planes | None = None
        self._shown: Planes | None = None
        self._changed = 0.0

    def lay_out(self, layout: PictureLayout) -> None:
        """Goes on in another layout, by a smooth change. Raises `LayoutError` for one that there is not."""
        self.settings = replace(self.settings, layout=layout)

    def resize(self, width: int, height: int) -> None:
        """Goes on in another size. Raises `LayoutError` for one that no picture can have."""
        check_size(width, height)
        self.arrangement = None
        self._canvas = Planes.blank(width, height, GROUND)
        self._before = self._shown = None

    def compose(self, now: float, sources: Sequence[Source]) -> av.VideoFrame:
        """The picture of this moment, yuv420p in studio range, stamped with `now` (seconds, never going back).

        Ids have to differ. Raises `LayoutError` when there are more than `MAX_PARTIES`.
        """
        shown = {source.id: source for source in sources}
        arrangement = arrange(
            self.settings.layout,
            self._canvas.width,
            self._canvas.height,
            [self._party(source, now) for source in sources],
        )
        if arrangement != self.arrangement:
            self._rearrange(arrangement, now)
        for tile in arrangement.tiles:
            self._paint(tile, shown[tile.id], now)
        return self._frame(now)

    def _party(self, source: Source, now: float) -> Party:
        # Who is not seen takes the form of a common camera, whatever it sent before.
        party = source.party()
        return party if self._seen(source, now) else Party(party.id, 16 / 9, party.screen, party.pinned, party.speaking)

    def _seen(self, source: Source, now: float) -> bool:
        if source.camera_off or source.frame is None:
            return False
        return now - source.arrived < self.settings.lost_after

    def _rearrange(self, arrangement: Arrangement, now: float) -> None:
        if self.arrangement is not None and self._shown is not None and self.settings.fade > 0.0:
            self._before, self._changed = self._shown, now
        self.arrangement = arrangement
        self._canvas.fill(GROUND)
        self._drawn = {
            tile.id: _Drawn(old.scaler if (old := self._drawn.get(tile.id)) else Scaler()) for tile in arrangement.tiles
        }
        if arrangement.more is not None:
            paint_more(self._canvas, arrangement.more, arrangement.hidden)

    def _paint(self, tile: Tile, source: Source, now: float) -> None:
        drawn = self._drawn[tile.id]
        label = (source.name, source.muted)
        if drawn.label != label:
            paint_label(self._canvas, tile.label, source.name, muted=source.muted)
            drawn.label = label
        if drawn.speaking != source.speaking:
            paint_border(self._canvas, tile.picture, speaking=source.speaking)
            drawn.speaking = source.speaking
        frame = source.frame
        if frame is None or not self._seen(source, now):
            note = None if source.camera_off else self._texts.lost
            if drawn.picture != (source.name, note):
                paint_placeholder(self._canvas, tile.picture, source.id, source.name, note)
                drawn.picture = (source.name, note)
            return
        frozen = now - source.arrived >= self.settings.frozen_after
        # The frame itself is kept in the key, so that no other can take its identity.
        picture = (frame, source.rotation, frozen)
        if drawn.picture and drawn.picture[0] is frame and drawn.picture[1:] == picture[1:]:
            return
        scaled = drawn.scaler.scale(frame, tile.picture.width, tile.picture.height, source.rotation)
        self._canvas.part(tile.picture).put(scaled)
        if frozen:
            paint_frozen(self._canvas, tile.picture, self._texts.frozen)
        drawn.picture = picture

    def _frame(self, now: float) -> av.VideoFrame:
        picture = self._canvas
        if self._before is not None:
            share = (now - self._changed) / self.settings.fade
            if share >= 1.0:
                self._before = None
            else:
                picture = self._before.mixed(self._canvas, max(share, 0.0))
        frame = av.VideoFrame(picture.width, picture.height, "yuv420p")
        made = Planes.of(frame)
        made.put(picture)
        # Frames are read by encoders and never written to, so the last one can stand for what is shown.
        self._shown = made
        frame.color_range = ColorRange.MPEG
        frame.pts = round(now * CLOCK_RATE)
        frame.time_base = Fraction(1, CLOCK_RATE)
        return frame
