"""Fetches key sets over HTTPS: bounded in time and size, without redirects."""

from __future__ import annotations

import asyncio
import functools
import ssl
from http import HTTPStatus

import httpx

FETCH_TIMEOUT = 5.0
"""Seconds for a whole fetch."""
MAX_SET_BYTES = 256 * 1024


@functools.cache
def _trusted() -> ssl.SSLContext:
    """The certificate authorities of this system, a hospital's own among them."""
    return ssl.create_default_context()


async def fetch_url(url: str) -> bytes:
    """Fetches a key set. Raises `OSError` for failures of any kind, a body over `MAX_SET_BYTES` included.

    No redirect is followed: the operator wrote down where the keys are, and nobody else may point elsewhere.
    """
    headers = {"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"}
    try:
        # All of it together: a server that sends a byte now and then would never be done by the limit of each read.
        async with (
            asyncio.timeout(FETCH_TIMEOUT),
            httpx.AsyncClient(verify=_trusted(), timeout=FETCH_TIMEOUT, follow_redirects=False) as client,
            client.stream("GET", url, headers=headers) as response,
        ):
            if response.status_code != HTTPStatus.OK:
                raise OSError(f"The key set was answered by status {response.status_code}.")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_SET_BYTES:
                    raise OSError("The key set is too large.")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OSError(f"The key set cannot be fetched: {type(error).__name__}.") from None
    return bytes(body)
