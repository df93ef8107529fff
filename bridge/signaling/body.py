"""Reads a request's body within bounds of size and time."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from bridge.errors import BridgeError

BODY_TIMEOUT = 10.0
"""Seconds for a whole body to arrive."""


async def read_text(request: Request, max_bytes: int) -> str:
    """The body as UTF-8, without the byte order mark that some editors and programs put before it.

    Raises `BridgeError`: `unsupported_media_type`, `body_too_large`, `request_timeout`, `body_not_utf8`.

    A body that says it is too large is refused before any of it is read.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise BridgeError(
            "unsupported_media_type",
            "The body may not be compressed.",
            field="Content-Encoding",
            hint="Send it as it is, without Content-Encoding.",
        )
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for chunk in request.stream():
                size += len(chunk)
                if size > max_bytes:
                    raise _too_large(max_bytes)
                chunks.append(chunk)
    except TimeoutError:
        raise BridgeError("request_timeout", "The body did not arrive in time.") from None
    except ClientDisconnect:
        raise BridgeError("request_timeout", "The client went before its body had arrived.") from None
    try:
        return b"".join(chunks).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BridgeError("body_not_utf8", "The body is not UTF-8.") from None


def _too_large(max_bytes: int) -> BridgeError:
    return BridgeError("body_too_large", f"The body may have {max_bytes} bytes at most.")
