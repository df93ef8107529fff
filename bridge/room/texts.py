"""Texts that participants write: what is taken, and what is refused."""

from __future__ import annotations

import re
import unicodedata

from bridge.room.errors import RoomError

MAX_LINKS = 3
"""In one text."""
_LINK = re.compile(r"(?:https?://|www\.)\S", re.IGNORECASE)
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Control and direction characters would let a text disguise itself; lone surrogates cannot be encoded."""
_JOINERS = frozenset("\u200c\u200d\u200e\u200f\u061c")
"""Category Cf all the same: scripts and emoji need them, and keyboards for Arabic and Hebrew have the marks of
direction, which turn no letter around."""


def checked_text(text: str, limit: int, *, field: str = "text") -> str:
    """The text without white space around it. Raises `RoomError` (`bad_text`)."""
    text = text.strip()
    if not 1 <= len(text) <= limit:
        raise RoomError("bad_text", f"The text has 1 to {limit} characters.", field=field)
    if any(
        unicodedata.category(character) in _REFUSED and character != "\n" and character not in _JOINERS
        for character in text
    ):
        raise RoomError("bad_text", "The text holds control characters.", field=field)
    if len(_LINK.findall(text)) > MAX_LINKS:
        raise RoomError("bad_text", f"The text holds more than {MAX_LINKS} links.", field=field)
    return text
