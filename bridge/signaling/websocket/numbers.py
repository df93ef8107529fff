"""Sources are numbers inside and opaque strings outside."""

from __future__ import annotations

from bridge.errors import BridgeError


def source_number(source_id: str, field: str) -> int:
    """The number behind a client's word. Raises `BridgeError` (`source_not_found`)."""
    if not (source_id.isascii() and source_id.isdecimal()):
        raise BridgeError("source_not_found", "There is no such source in this room.", field=field)
    return int(source_id)
