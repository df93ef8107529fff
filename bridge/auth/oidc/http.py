"""HTTP to a provider: bounded in time and size, without redirects, cookies or proxies that the environment names."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx

from bridge.auth.oidc.errors import unavailable

TIMEOUT = 5.0
"""Seconds until a request that says nothing is given up."""
DEADLINE = 15.0
"""Seconds for a whole answer, however it drips: it would hold one of the connections that all providers share."""
MAX_BODY_BYTES = 256 * 1024
MAX_CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (names in lower case) and the JSON object of a response."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)


class Http(Protocol):
    """Asks a provider. Both raise `SignInError` (`signin_unavailable`) if it does not answer with a JSON object."""

    async def get(self, url: str) -> Answer:
        """GETs a document."""

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """POSTs a form."""


class HttpClient:
    """`Http` over httpx. To be closed."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(
            timeout=TIMEOUT,
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS),
            follow_redirects=False,
            trust_env=False,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )

    async def close(self) -> None:
        """Closes what is open."""
        await self._client.aclose()

    async def get(self, url: str) -> Answer:
        """GETs a document; any status but 200 is a failure."""
        answer = await self._ask(self._client.build_request("GET", url))
        if answer.status != 200:
            raise unavailable(f"A document of the provider was answered by status {answer.status}.")
        return answer

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """POSTs a form; the status is for the caller to judge."""
        return await self._ask(self._client.build_request("POST", url, data=dict(form), headers=dict(headers)))

    async def _ask(self, request: httpx.Request) -> Answer:
        try:
            async with asyncio.timeout(DEADLINE):
                response = await self._client.send(request, stream=True)
                try:
                    body = bytearray()
                    async for chunk in response.aiter_bytes():
                        body += chunk
                        if len(body) > MAX_BODY_BYTES:
                            raise unavailable("The provider's answer is too large.")
                finally:
                    await response.aclose()
        except (httpx.HTTPError, TimeoutError) as error:
            # What the library says may quote the URL with its query.
            raise unavailable(f"The provider cannot be reached: {type(error).__name__}.") from None
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise unavailable(f"The provider's answer, of status {response.status_code}, is no JSON object.")
        return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, document)


def is_safe(url: object) -> bool:
    """Whether secrets may be sent there: https, or http to this machine."""
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    local = host in ("localhost", "127.0.0.1", "::1")
    return bool(host) and parts.username is None and (parts.scheme == "https" or (parts.scheme == "http" and local))
