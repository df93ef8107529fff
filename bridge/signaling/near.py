"""What somebody may have meant who wrote a word that is not known."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches


def near(name: str, known: Collection[str]) -> str:
    """The hint: the nearest of what is known, or all of it."""
    match = get_close_matches(name, known, n=1)
    if match:
        return f"Did you mean {match[0]}?"
    return f"Known here: {', '.join(known)}." if known else "None is known here."
