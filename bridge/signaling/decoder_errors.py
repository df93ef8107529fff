"""What msgspec says of JSON that it does not take, as the place and the sentence of a refusal."""

from __future__ import annotations

import re

import msgspec

UNKNOWN_FIELD = "Object contains unknown field"
"""How the sentence begins of an object that has a field too many."""
_MEMBER = re.compile(r"Object (?:missing required|contains unknown) field `([^`]*)`")
"""Of an object that lacks a field, or has one too many, the decoder names the object as the place."""


def told(error: msgspec.ValidationError) -> tuple[str, str | None]:
    """The sentence without its full stop, and the field as a path such as `tiles[0].height`; None for the whole.

    It may quote names of fields that came in, and no values.
    """
    reason, _, place = str(error).partition(" - at `")
    path = place.rstrip("`")
    member = _MEMBER.match(reason)
    if member is not None:
        path = f"{path}.{member[1]}"
    return reason.rstrip("."), path.removeprefix("$").removeprefix(".") or None
