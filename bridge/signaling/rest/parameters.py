"""Reads what a request says in its query and body. A refusal names the parameter or field, and never its value."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec
from starlette.requests import Request

from bridge.errors import BridgeError
from bridge.signaling.body import read_text

MAX_BODY_BYTES = 8192
DEFAULT_LIMIT, MAX_LIMIT = 50, 200
"""Items of a page."""

T = TypeVar("T")


def limit_of(request: Request) -> int:
    """How many items are wanted. Raises `BridgeError` (`invalid_parameter`)."""
    text = request.query_params.get("limit")
    if text is None:
        return DEFAULT_LIMIT
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MAX_LIMIT:
        raise BridgeError("invalid_parameter", f"It is a whole number from 1 to {MAX_LIMIT}.", field="limit")
    return int(text)


async def body_of(request: Request, cls: type[T]) -> T:
    """The JSON body. Raises `BridgeError`: `unsupported_media_type`, `invalid_body`, as `read_text` does."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise BridgeError("unsupported_media_type", "The body is JSON.", hint="Content-Type: application/json")
    text = await read_text(request, MAX_BODY_BYTES)
    try:
        return msgspec.json.decode(text, type=cls)
    except msgspec.ValidationError as error:
        # "Expected `int`, got `str` - at `$.lifetime`": no value of the input is in it.
        message, _, place = str(error).partition(" - at `$.")
        raise BridgeError("invalid_body", f"{message}.", field=place.rstrip("`") or None) from None
    except (msgspec.DecodeError, RecursionError):
        raise BridgeError("invalid_body", "The body is no JSON.") from None
