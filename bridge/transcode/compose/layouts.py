"""Who stands where in a composed picture: pure functions from the parties and the size to tiles.

Layouts: "grid" (all alike), "speaker" (the one who speaks, and a strip of the others), "interpreter" (the pinned
interpreter beside whom they interpret for, alike in size, and a strip), "screen" (what is shared, and a strip of
faces), and "auto", which is the one of these that suits who is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from bridge.errors import BridgeError
from bridge.picture_layouts import PictureLayout
from bridge.transcode.compose.geometry import MAX_CROP, Rect, cells, even, fit

LAYOUTS: tuple[PictureLayout, ...] = get_args(PictureLayout)
MIN_SIZE, MAX_SIZE = 96, 1920
"""Pixels of the composed picture in either direction."""
MIN_TILE = 72, 40
"""Width and height in pixels below which nobody is recognised: who does not fit is counted in a tile "+3"."""
LEAST_LABEL = 14
"""Pixels in height of the strip for a name."""
MAX_PARTIES = 128
"""Parties that are looked at; more are refused."""
GRID_UP_TO = 6
"""Parties of whom "auto" makes a grid; of more, the one who speaks is large."""
GAP = 2
"""Pixels that are left on each side of a tile at least, for the line around who speaks."""


class LayoutError(BridgeError):
    """The layout cannot be made. Codes: `unknown_layout`, `bad_size`, `too_many_parties`."""


@dataclass(frozen=True, slots=True)
class Party:
    """What a layout has to know of a source of pictures."""

    id: str
    aspect: float = 16 / 9
    """Width through height as it is to be seen, after rotation."""
    screen: bool = False
    """Whether it is a screen and not a camera."""
    pinned: bool = False
    """An interpreter whom the others have to see: always visible."""
    speaking: bool = False
    """Whether it is who speaks, or spoke last. At most one is."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One party's place."""

    id: str
    cell: Rect
    """All of the place, bars included."""
    picture: Rect
    """Where the picture stands; what exceeds its aspect ratio is cropped."""
    label: Rect
    """Where the name stands, below the picture."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A whole picture."""

    width: int
    height: int
    tiles: tuple[Tile, ...]
    hidden: int = 0
    """Parties for whom there was no room."""
    more: Rect | None = None
    """Where their number stands, if there are any."""


def check_layout(name: str) -> PictureLayout:
    """The layout of this name. Raises `LayoutError`."""
    for known in LAYOUTS:
        if known == name:
            return known
    raise LayoutError(
        "unknown_layout", f"There is no layout {name!r}.", field="layout", hint=f"known are: {', '.join(LAYOUTS)}"
    )


def check_size(width: int, height: int) -> None:
    """Raises `LayoutError` unless a picture can have this size."""
    for field, length in (("width", width), ("height", height)):
        if length % 2 or not MIN_SIZE <= length <= MAX_SIZE:
            raise LayoutError(
                "bad_size", f"{length}: expected an even number from {MIN_SIZE} to {MAX_SIZE}.", field=field
            )


def arrange(layout: PictureLayout, width: int, height: int, parties: Sequence[Party]) -> Arrangement:
    """The arrangement of the parties, who stand in the order given wherever the layout leaves it open.

    Raises `LayoutError` for a size that no picture can have and for more than `MAX_PARTIES`.
    """
    check_size(width, height)
    if len(parties) > MAX_PARTIES:
        raise LayoutError("too_many_parties", f"{len(parties)} parties: expected {MAX_PARTIES} at most.")
    canvas = _Canvas(width, height)
    if not parties:
        return canvas.arrangement()
    large = _large(layout, parties)
    if not large or len(parties) == 1:
        canvas.grid(Rect(0, 0, width, height), parties)
        return canvas.arrangement()
    small = [party for party in parties if party not in large]
    stage, strip = canvas.stage_and_strip(small, two=len(large) == 2)
    canvas.grid(stage, large)
    if small:
        canvas.strip(strip, small)
    return canvas.arrangement()


def _large(layout: PictureLayout, parties: Sequence[Party]) -> list[Party]:
    """Those who stand large; nobody if all are alike."""
    screens = [party for party in parties if party.screen]
    pinned = [party for party in parties if party.pinned and not party.screen]
    if layout == "auto":
        many = len(parties) > GRID_UP_TO
        beside = bool(pinned) and len(parties) > 2
        layout = "screen" if screens else "interpreter" if beside else "speaker" if many else "grid"
    if layout == "grid":
        return []
    if layout == "screen" and screens:
        # The newest screen, as the last that came into the room.
        return screens[-1:]
    if layout == "interpreter" and pinned:
        others = [party for party in parties if party is not pinned[0]]
        return [*_speaker(others)[:1], pinned[0]]
    return _speaker(parties)


def _speaker(parties: Sequence[Party]) -> list[Party]:
    faces = [party for party in parties if not party.screen] or list(parties)
    return [next((party for party in faces if party.speaking), faces[0])] if faces else []


class _Canvas:
    """Collects the tiles of one picture."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.gap = max(GAP, even(max(width, height) / 320))
        self._label = min(max(even(min(width, height) * 0.075), LEAST_LABEL), 40)
        self._tiles: list[Tile] = []
        self._hidden = 0
        self._more: Rect | None = None

    def arrangement(self) -> Arrangement:
        return Arrangement(self.width, self.height, tuple(self._tiles), self._hidden, self._more)

    def stage_and_strip(self, small: Sequence[Party], *, two: bool) -> tuple[Rect, Rect]:
        """Where the large ones and where the small ones stand: beside the stage if that is wide, else below it."""
        whole = Rect(0, 0, self.width, self.height)
        if not small:
            return whole, Rect(0, 0, 0, 0)
        if self.width > self.height and not two:
            return whole.split_right(self._column())
        return whole.split_below(self._row())

    def grid(self, area: Rect, parties: Sequence[Party]) -> None:
        """All of them alike, in the grid that shows most of them."""
        most_columns = max(area.width // self._least_width(), 1)
        most_rows = max(area.height // self._least_height(), 1)
        shown = self._shown(parties, most_columns * most_rows)
        count = len(shown) + (1 if len(shown) < len(parties) else 0)
        best = max(
            (
                cells(area, columns, -(-count // columns), count)
                for columns in range(-(-count // most_rows), max(min(count, most_columns), -(-count // most_rows)) + 1)
            ),
            key=lambda places: sum(self._seen(place, party) for place, party in zip(places, shown, strict=False)),
        )
        self._place(best, shown, len(parties))

    def strip(self, area: Rect, parties: Sequence[Party]) -> None:
        """One row or column; pinned ones and the one who speaks come first when there is no room for all."""
        if area.height > area.width:
            room, size = max(area.height // self._least_height(), 1), even(area.width * 9 / 16) + LEAST_LABEL
            shown = self._shown(parties, room)
            count = len(shown) + (1 if len(shown) < len(parties) else 0)
            height = min(even(area.height / count), size)
            places = [Rect(area.x, area.y + index * height, area.width, height) for index in range(count)]
        else:
            room, size = max(area.width // self._least_width(), 1), even((area.height - LEAST_LABEL) * 16 / 9)
            shown = self._shown(parties, room)
            count = len(shown) + (1 if len(shown) < len(parties) else 0)
            width = min(even(area.width / count), max(size, self._least_width()))
            left = area.x + even((area.width - count * width) / 2)
            places = [Rect(left + index * width, area.y, width, area.height) for index in range(count)]
        self._place(places, shown, len(parties))

    def _column(self) -> int:
        return max(even(self.width / 4), self._least_width())

    def _row(self) -> int:
        return max(even(self.height / 4), self._least_height())

    def _least_width(self) -> int:
        return MIN_TILE[0] + 2 * self.gap

    def _least_height(self) -> int:
        return MIN_TILE[1] + LEAST_LABEL + GAP + 2 * self.gap

    @staticmethod
    def _shown(parties: Sequence[Party], room: int) -> list[Party]:
        """Those who have a place, in their order: one place is for the number of the others if there are any."""
        if len(parties) <= room:
            return list(parties)
        by_need = sorted(parties, key=lambda party: (not party.pinned, not party.speaking, not party.screen))
        # Where there is one place only, a face is better than a number.
        kept = by_need[: max(room - 1, 1)]
        return [party for party in parties if party in kept]

    def _seen(self, place: Rect, party: Party) -> int:
        tile = self._tile(place, party)
        return tile.picture.area

    def _tile(self, place: Rect, party: Party) -> Tile:
        inner = place.inset(self.gap)
        height = min(max(even(inner.height * 0.16), LEAST_LABEL), self._label)
        cell = inner.split_below(height + GAP)[0]
        picture = fit(cell, party.aspect, 0.0 if party.screen else MAX_CROP)
        return Tile(party.id, cell, picture, Rect(inner.x, picture.y + picture.height + GAP, inner.width, height))

    def _place(self, places: Sequence[Rect], shown: Sequence[Party], of: int) -> None:
        self._tiles += [self._tile(place, party) for place, party in zip(places, shown, strict=False)]
        if of > len(shown):
            self._hidden += of - len(shown)
            if len(places) > len(shown):
                self._more = places[len(shown)].inset(self.gap)
