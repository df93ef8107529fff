"""Draws the parts of a composed picture: a scaled source, a name, the initials of someone unseen, the signs."""

from __future__ import annotations

import hashlib

import av
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from bridge.transcode.compose.geometry import Rect, even
from bridge.transcode.compose.layouts import GAP
from bridge.transcode.compose.lettering import clean, disc_mask, initials, sign_mask, text_mask, text_width
from bridge.transcode.compose.planes import BLACK, WHITE, Colour, Planes
from bridge.transcode.compose.sources import Rotation

GROUND: Colour = (24, 130, 126)
"""Behind everything."""
PLATE: Colour = (52, 134, 124)
"""Behind the initials of someone who is not seen."""
RED: Colour = (110, 100, 200)
SPEAKING: Colour = (170, 60, 110)
MIN_LETTERS = 9
"""Pixels of the smallest letters that are drawn."""
HEAD_ROOM = 1 / 3
"""Of what is cropped in height, the share that goes above: faces are in the upper half."""
_SHARES = {0: (0.5, HEAD_ROOM), 90: (HEAD_ROOM, 0.5), 180: (0.5, 1 - HEAD_ROOM), 270: (1 - HEAD_ROOM, 0.5)}
"""By rotation, the shares of what is cropped that go to the left of and above the frame as it is before turning."""


class Scaler:
    """Scales the frames of one source; it keeps libswscale's tables for the size that it did last."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def scale(self, frame: av.VideoFrame, width: int, height: int, rotation: Rotation) -> Planes:
        """The middle of the frame at this size (even), cropped to its aspect ratio and turned. YUV all the way."""
        turned = rotation in (90, 270)
        wide, high = (height, width) if turned else (width, height)
        size = frame.width, frame.height
        scaled_width, scaled_height, crop = crop_after_scaling(size, (wide, high), *_SHARES[rotation])
        full_range = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
        scaled = self._reformatter.reformat(
            frame,
            width=scaled_width,
            height=scaled_height,
            format="yuv420p",
            interpolation=Interpolation.AREA,
            src_color_range=ColorRange.JPEG if full_range else ColorRange.MPEG,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
        return Planes.of(scaled).part(crop).turned(rotation)


def crop_after_scaling(
    frame: tuple[int, int], place: tuple[int, int], left: float = 0.5, above: float = HEAD_ROOM
) -> tuple[int, int, Rect]:
    """The width and height to scale a frame to, and the part of that to show, so that the place (even) is filled.

    `left` and `above` are the shares of what is cropped that go on those sides.
    """
    width, height = place
    factor = max(width / frame[0], height / frame[1])
    scaled_width = max(even(frame[0] * factor + 1), width)
    scaled_height = max(even(frame[1] * factor + 1), height)
    crop = Rect(even((scaled_width - width) * left), even((scaled_height - height) * above), width, height)
    return scaled_width, scaled_height, crop


def paint_label(canvas: Planes, rect: Rect, name: str, *, muted: bool) -> None:
    """A name in the middle of its strip, behind the sign of a microphone that is off."""
    strip = canvas.part(rect)
    strip.fill(GROUND)
    size = max(round(rect.height * 0.72), MIN_LETTERS)
    sign = even(rect.height - 2) if muted else 0
    text = text_mask(clean(name), size, max(rect.width - sign - 4, 1))
    left = max(even((rect.width - sign - text.shape[1]) / 2), 0)
    if muted:
        strip.stamp(sign_mask("muted", sign), left, 0, RED)
    strip.stamp(
        text, min(left + sign + (2 if muted else 0), even(rect.width - 2)), _top(rect.height, text.shape[0]), WHITE
    )


def paint_placeholder(canvas: Planes, rect: Rect, identity: str, name: str, note: str | None) -> None:
    """The initials on a disc whose colour is the identity's own, and a note below it where there is room."""
    plate = canvas.part(rect)
    plate.fill(PLATE)
    size = even(min(rect.width, rect.height) * 0.6)
    if size < 8:
        return
    left, top = even((rect.width - size) / 2), even((rect.height - size) / 2)
    plate.stamp(disc_mask(size), left, top, _colour(identity))
    letters = text_mask(initials(name), max(size // 2, 6), size)
    plate.stamp(letters, even((rect.width - letters.shape[1]) / 2), _top(rect.height, letters.shape[0]), WHITE)
    if note is not None:
        _paint_note(plate, note, bottom=rect.height)


def paint_frozen(canvas: Planes, rect: Rect, note: str) -> None:
    """Says of the picture in `rect` that it rests: it is dimmed, and a sign and a note stand on it."""
    picture = canvas.part(rect)
    picture.dim()
    size = even(min(rect.width, rect.height) * 0.34)
    if size >= 8:
        picture.stamp(sign_mask("frozen", size), even((rect.width - size) / 2), even((rect.height - size) / 2), WHITE)
    _paint_note(picture, note, bottom=rect.height)


def paint_more(canvas: Planes, rect: Rect, hidden: int) -> None:
    """How many there are for whom there is no room."""
    plate = canvas.part(rect)
    plate.fill(PLATE)
    text = text_mask(f"+{hidden}", max(min(rect.height // 2, rect.width // 3), MIN_LETTERS), rect.width)
    plate.stamp(text, max(even((rect.width - text.shape[1]) / 2), 0), _top(rect.height, text.shape[0]), WHITE)


def paint_border(canvas: Planes, picture: Rect, *, speaking: bool) -> None:
    """A line around the picture of who speaks, in the gap that is left between tiles; else the gap's own colour."""
    gap = GAP
    outer = Rect(picture.x - gap, picture.y - gap, picture.width + 2 * gap, picture.height + 2 * gap)
    colour = SPEAKING if speaking else GROUND
    for side in (
        Rect(outer.x, outer.y, outer.width, gap),
        Rect(outer.x, picture.y + picture.height, outer.width, gap),
        Rect(outer.x, outer.y, gap, outer.height),
        Rect(picture.x + picture.width, outer.y, gap, outer.height),
    ):
        canvas.part(side).fill(colour)


def _paint_note(plate: Planes, note: str, *, bottom: int) -> None:
    """A note in one line at the bottom, in letters that fit; where none fit, the sign alone has to do."""
    size = min(max(plate.height // 9, MIN_LETTERS), 28)
    while size > MIN_LETTERS and text_width(note, size) > plate.width - 4:
        size -= 1
    if text_width(note, size) > plate.width - 4:
        return
    text = text_mask(note, size, plate.width)
    band = Rect(0, max(even(bottom - text.shape[0] - 2), 0), plate.width, even(text.shape[0] + 2))
    plate.part(band).fill(BLACK)
    plate.stamp(text, even((plate.width - text.shape[1]) / 2), band.y, WHITE)


def _top(height: int, text: int) -> int:
    return max(even((height - text) / 2), 0)


def _colour(identity: str) -> Colour:
    """A colour of middling brightness that is always the same for an identity."""
    first, second = hashlib.blake2s(identity.encode(), digest_size=2).digest()
    return 90, 96 + first // 4, 96 + second // 4
