"""The HTTP client of a light peer: a connection per request, as every participant is a machine of its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

_TIMEOUT = 20.0
"""Seconds for a whole request."""


class DoorError(Exception):
    """The door refused, or did not speak HTTP."""


@dataclass(frozen=True)
class Response:
    """What came back. Header names are lower case."""

    status: int
    headers: dict[str, str]
    body: str


async def request(method: str, url: str, token: str, body: str = "") -> Response:
    """Sends `body` as SDP. Raises `OSError`, `TimeoutError`, and `DoorError` for what is no answer at all."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 80
    content = body.encode()
    head = (
        f"{method} {parts.path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    )
    async with asyncio.timeout(_TIMEOUT):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(head.encode() + content)
            answer = await reader.read(-1)
        finally:
            writer.close()
    return _parse(answer)


def _parse(answer: bytes) -> Response:
    head, separator, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ", 2)
    if not separator or len(words) < 2 or not words[1].isdecimal():
        raise DoorError("the door did not answer in HTTP")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return Response(int(words[1]), headers, body.decode())
