"""Text that shows what it is: nothing in it is unseen, and nothing turns other letters around."""

from __future__ import annotations

import unicodedata

_DISGUISES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Control and direction characters would let a text disguise itself; lone surrogates cannot be encoded."""
JOINERS = frozenset("\u200c\u200d\u200e\u200f\u061c")
"""Category Cf all the same: names in Persian and Sinhala, and emoji, are written with the first two, and keyboards for
Arabic and Hebrew have the marks of direction, which turn no letter around as the overrides do."""


def is_plain(text: str, *, joiners: bool = False) -> bool:
    """Whether a text shows what it is; `joiners`: one of people, which may hold what its script is written with."""
    allowed = JOINERS if joiners else frozenset[str]()
    return all(unicodedata.category(character) not in _DISGUISES or character in allowed for character in text)


_MARKS = frozenset({"Mn", "Me"})
"""Accents and variation selectors: nothing without a letter to stand on."""
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters that leave a gap: the fillers of Hangul, and Braille without a dot."""


def shows_something(text: str) -> bool:
    """Whether anybody sees anything of a text that `is_plain`."""
    unseen = JOINERS | _BLANKS
    return any(
        not (character.isspace() or character in unseen or unicodedata.category(character) in _MARKS)
        for character in text
    )
