"""Pages of lists: a cursor says after which key the next page begins, so that changes in between skip nobody."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import TypeVar

from bridge.errors import BridgeError

DEFAULT_LIMIT, MAX_LIMIT = 100, 500
MAX_CURSOR = 400

Item = TypeVar("Item")


def read_limit(text: str | None) -> int:
    """How many are asked for. Raises `BridgeError` (`invalid_request`)."""
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= MAX_LIMIT):
        raise BridgeError("invalid_request", f"A limit is a number from 1 to {MAX_LIMIT}.", field="limit")
    return int(text)


def read_cursor(text: str | None) -> str:
    """The key that the page comes after. Raises `BridgeError` (`invalid_request`)."""
    if text is None:
        return ""
    try:
        if len(text) > MAX_CURSOR:
            raise ValueError
        return base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        raise BridgeError(
            "invalid_request", "This is no cursor of ours.", field="cursor", hint="Take next_cursor as it is."
        ) from None


def encode_cursor(key: str) -> str:
    """The cursor of the page that comes after a key."""
    return base64.urlsafe_b64encode(key.encode()).decode()


def page(items: Iterable[Item], key: Callable[[Item], str], after: str, limit: int) -> tuple[list[Item], str | None]:
    """The items of one page in order of `key`, and the cursor of the next page if there is one."""
    left = sorted((item for item in items if key(item) > after), key=key)
    if len(left) <= limit:
        return left, None
    return left[:limit], encode_cursor(key(left[limit - 1]))
