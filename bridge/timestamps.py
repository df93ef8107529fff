"""Instants as RFC 3339 writes them, and what people write of them."""

from __future__ import annotations

from datetime import UTC, datetime

from bridge.errors import BridgeError


def timestamp(microseconds: int) -> str:
    """An instant since the epoch, in UTC."""
    return datetime.fromtimestamp(microseconds / 1e6, UTC).isoformat().replace("+00:00", "Z")


def parse_instant(text: str, field: str) -> int:
    """Microseconds since the epoch of a date (its beginning, in UTC) or of an instant with its offset.

    Raises `BridgeError` (`invalid_request`).
    """
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            if len(text) != len("2026-01-01"):
                raise ValueError(text)
            instant = instant.replace(tzinfo=UTC)
        return round(instant.timestamp() * 1e6)
    except (ValueError, OverflowError):
        raise BridgeError(
            "invalid_request",
            "This is no date, and no instant with its offset from UTC.",
            field=field,
            hint="2026-01-31, or 2026-01-31T12:00:00Z",
        ) from None


def check_span(since: int | None, until: int | None, field: str) -> None:
    """Refuses an end, `field`, that does not lie behind the beginning. Raises `BridgeError` (`invalid_request`)."""
    if since is not None and until is not None and until <= since:
        raise BridgeError("invalid_request", "The end has to lie behind the beginning.", field=field)
