"""Texts that participants write: what is taken, and what is refused."""

from __future__ import annotations

import re

from bridge.plain_text import is_plain, shows_something
from bridge.room.errors import RoomError

MAX_LINKS = 3
"""In one text."""
_LINK = re.compile(r"(?:https?://|www\.)\S", re.IGNORECASE)


def checked_text(text: str, limit: int, *, field: str = "text") -> str:
    """The text without white space around it. Raises `RoomError` (`bad_text`)."""
    text = text.strip()
    if len(text) > limit or not shows_something(text):
        raise RoomError("bad_text", f"The text has 1 to {limit} characters.", field=field)
    if not is_plain(text.replace("\n", ""), joiners=True):
        raise RoomError("bad_text", "The text holds control characters.", field=field)
    if len(_LINK.findall(text)) > MAX_LINKS:
        raise RoomError("bad_text", f"The text holds more than {MAX_LINKS} links.", field=field)
    return text
