"""Key sets that change under way: a vendor rotates its keys by publishing new ones under new `kid`s (RFC 7517)."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from bridge.auth.errors import KeyMaterialError, TokenError
from bridge.auth.keys import Algorithm, VerificationKey, parse_jwk_set

_log = logging.getLogger(__name__)

FETCH_TIMEOUT = 5.0
"""Seconds until a fetch that says nothing is given up."""
MAX_SET_BYTES = 256 * 1024
MIN_FETCH_INTERVAL = 10.0
"""Seconds between fetches at least, whatever tokens ask for: strangers can send any `kid`."""
MAX_AGE = 600.0
"""Seconds after which a set is fetched anew in the background, so that a withdrawn key is forgotten."""
MAX_STALE = 86_400.0
"""Seconds for which a set serves at most when fetching it anew keeps failing."""

Fetch = Callable[[str], bytes]


class JwksFile:
    """A JWK set in a file; a changed file is read again at the next token."""

    def __init__(self, path: Path, algorithm: Algorithm) -> None:
        """Raises `OSError` or `KeyMaterialError` if the file is not usable."""
        self._path = path
        self._algorithm = algorithm
        self._stamp = self._stat()
        self._keys = self._read()

    async def find(self, kid: str | None) -> Sequence[VerificationKey]:
        """The keys of that `kid`; without one, the only key."""
        try:
            stamp = self._stat()
            if stamp != self._stamp:
                self._keys = self._read()
                self._stamp = stamp
        except (OSError, KeyMaterialError):
            # The old keys serve until whoever edits the file is done.
            _log.warning("A key set file cannot be read", exc_info=True)
        return _select(self._keys, kid)

    def _stat(self) -> tuple[int, int, int]:
        status = self._path.stat()
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _read(self) -> list[VerificationKey]:
        return _parse(self._path.read_bytes(), self._algorithm)


class JwksUrl:
    """A JWK set at a URL, fetched when first needed, when it has aged, and when a token names an unknown `kid`.

    Fetches run in a thread, one at a time per URL and never more often than `MIN_FETCH_INTERVAL`; who needs the result
    waits for it, who has a known key does not.
    """

    def __init__(
        self,
        url: str,
        algorithm: Algorithm,
        *,
        clock: Callable[[], float] = time.monotonic,
        fetch: Fetch | None = None,
    ) -> None:
        """`fetch(url)` returns the body or raises `OSError`; it may block."""
        self._url = url
        self._algorithm = algorithm
        self._clock = clock
        self._fetch = fetch_url if fetch is None else fetch
        self._keys: list[VerificationKey] = []
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._running: asyncio.Task[None] | None = None

    async def find(self, kid: str | None) -> Sequence[VerificationKey]:
        """The keys of that `kid`; without one, the only key."""
        found = self._select_fresh(kid)
        if not found:
            await self._refresh()
            found = self._select_fresh(kid)
        elif self._age() > MAX_AGE:
            self._start()
        if not found and self._age() > MAX_STALE:
            raise TokenError(
                "token_keys_unavailable",
                "The issuer's keys cannot be fetched at the moment.",
                hint="Try again in a minute; the issuer's key set may be out of reach.",
            )
        return found

    def _select_fresh(self, kid: str | None) -> list[VerificationKey]:
        return _select(self._keys, kid) if self._age() <= MAX_STALE else []

    def _age(self) -> float:
        return float("inf") if self._fetched_at is None else self._clock() - self._fetched_at

    async def _refresh(self) -> None:
        task = self._start()
        if task is not None:
            # One caller that gives up must not cancel the fetch that others wait for.
            await asyncio.shield(task)

    def _start(self) -> asyncio.Task[None] | None:
        if self._running is None:
            now = self._clock()
            if self._tried_at is not None and now - self._tried_at < MIN_FETCH_INTERVAL:
                return None
            self._tried_at = now
            self._running = asyncio.create_task(self._run())
        return self._running

    async def _run(self) -> None:
        try:
            body = await asyncio.to_thread(self._fetch, self._url)
            self._keys = _parse(body, self._algorithm)
            self._fetched_at = self._clock()
        except (OSError, KeyMaterialError, http.client.HTTPException) as error:
            _log.warning("A key set cannot be fetched", extra={"error": type(error).__name__})
        finally:
            self._running = None


def _select(keys: Sequence[VerificationKey], kid: str | None) -> list[VerificationKey]:
    if kid is None:
        return list(keys) if len(keys) == 1 else []
    return [key for key in keys if key.kid == kid]


def _parse(body: bytes, algorithm: Algorithm) -> list[VerificationKey]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise KeyMaterialError("The key set is not JSON.") from error
    return parse_jwk_set(document, algorithm)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The operator wrote down where the keys are; nobody else may point elsewhere."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> None:
        return None


def fetch_url(url: str) -> bytes:
    """Fetches a key set. Blocks. Raises `OSError` for failures of any kind, a body over `MAX_SET_BYTES` included."""
    opener = urllib.request.build_opener(_NoRedirects)
    request = urllib.request.Request(url, headers={"Accept": "application/jwk-set+json, application/json"})  # noqa: S310 (settings allow https, and http on loopback only)
    with opener.open(request, timeout=FETCH_TIMEOUT) as response:
        body: bytes = response.read(MAX_SET_BYTES + 1)
    if len(body) > MAX_SET_BYTES:
        raise OSError("The key set is too large.")
    return body
