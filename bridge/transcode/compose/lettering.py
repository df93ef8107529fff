"""Names, initials and signs as masks: how much of each pixel is covered, 0 to 255. Each is drawn once and kept.

The font is in the package (`fonts/`, DejaVu Sans Condensed Bold): Latin with all that Norwegian and Sámi need, Greek,
Cyrillic and Arabic. See docs/decisions/0021-lettering.md.
"""

from __future__ import annotations

import io
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from bridge.transcode.messages import MAX_NAME

Mask: TypeAlias = NDArray[np.uint8]
"""Coverage, height × width, 0 to 255. Shared: not to be written to."""
Sign: TypeAlias = Literal["muted", "frozen"]

FONT = Path(__file__).parent / "fonts" / "DejaVuSansCondensed-Bold.ttf"
_FONT_BYTES = FONT.read_bytes()
"""Read once, since a leg has no access to files."""
_ELLIPSIS = "…"
_FINER = 8
"""Signs are drawn so many times larger and scaled down, which smooths their edges."""


def clean(name: str) -> str:
    """A name as it can be drawn: on one line, without control characters and what turns the direction of others."""
    kept = (" " if char.isspace() else char for char in name[: 4 * MAX_NAME])
    text = "".join(char for char in kept if unicodedata.category(char)[0] != "C")
    return " ".join(unicodedata.normalize("NFC", text).split())[:MAX_NAME]


def initials(name: str) -> str:
    """One or two letters that stand for a name: of the first and the last word."""
    words = [word for word in clean(name).split() if word[0].isalnum()]
    letters = [words[0][0], words[-1][0]] if len(words) > 1 else [word[0] for word in words]
    return "".join(letters).upper() or "?"


@lru_cache(maxsize=512)
def text_mask(text: str, size: int, width: int) -> Mask:
    """A line of text in a font of `size` pixels; what exceeds `width` is cut off with an ellipsis."""
    font = _font(size)
    shown = text
    if font.getlength(text) > width:
        fits, over = 0, len(text)
        while over - fits > 1:
            middle = (fits + over) // 2
            if font.getlength(text[:middle].rstrip() + _ELLIPSIS) <= width:
                fits = middle
            else:
                over = middle
        shown = text[:fits].rstrip() + _ELLIPSIS if fits else ""
    left, _top, right, _bottom = font.getbbox(shown, anchor="ls")
    ascent, descent = font.getmetrics()
    image = Image.new("L", (max(int(right - min(left, 0)) + 1, 1), ascent + descent), 0)
    ImageDraw.Draw(image).text((-min(left, 0), ascent), shown, fill=255, font=font, anchor="ls")
    return _frozen(np.asarray(image)[:, :width])


def text_width(text: str, size: int) -> int:
    """Pixels that a line takes."""
    return int(_font(size).getlength(text)) + 1


@lru_cache(maxsize=64)
def sign_mask(sign: Sign, size: int) -> Mask:
    """A sign of `size` × `size` pixels: a microphone that is struck out, or the two bars of a picture that rests."""
    large = size * _FINER
    image = Image.new("L", (large, large), 0)
    draw = ImageDraw.Draw(image)
    unit = large / 16
    if sign == "frozen":
        for left in (3, 9.5):
            draw.rectangle((left * unit, 2 * unit, (left + 3.5) * unit, 14 * unit), fill=255)
    else:
        draw.rounded_rectangle((5.5 * unit, 1 * unit, 10.5 * unit, 9 * unit), radius=2.5 * unit, fill=255)
        draw.arc((3 * unit, 3 * unit, 13 * unit, 12 * unit), 0, 180, fill=255, width=int(1.5 * unit))
        draw.line((8 * unit, 12 * unit, 8 * unit, 15 * unit), fill=255, width=int(1.6 * unit))
        draw.line((2 * unit, 1 * unit, 14.5 * unit, 14.5 * unit), fill=0, width=int(4 * unit))
        draw.line((2 * unit, 1 * unit, 14.5 * unit, 14.5 * unit), fill=255, width=int(1.8 * unit))
    return _frozen(np.asarray(image.resize((size, size), Image.Resampling.BOX)))


@lru_cache(maxsize=64)
def disc_mask(size: int) -> Mask:
    """A disc of `size` pixels across."""
    centre = (size - 1) / 2
    rows, columns = np.mgrid[0:size, 0:size]
    distance = np.hypot(rows - centre, columns - centre)
    return _frozen(np.clip((size / 2 - distance) * 255, 0, 255).astype(np.uint8))


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(io.BytesIO(_FONT_BYTES), size)


def _frozen(mask: Mask) -> Mask:
    kept = np.ascontiguousarray(mask)
    kept.setflags(write=False)
    return kept
