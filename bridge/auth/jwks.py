"""Key sets that change under way: a vendor rotates its keys by publishing new ones under new `kid`s (RFC 7517)."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from bridge.auth.cached import Cached
from bridge.auth.errors import KeyMaterialError, TokenError
from bridge.auth.file_version import FileVersion
from bridge.auth.keys import Algorithm, VerificationKey, parse_jwk_set

_log = logging.getLogger(__name__)

Fetch = Callable[[str], Awaitable[bytes]]


class JwksFile:
    """A JWK set in a file; a changed file is read again at the next token."""

    def __init__(self, path: Path, algorithm: Algorithm) -> None:
        """Raises `OSError` or `KeyMaterialError` if the file is not usable."""
        self._path = path
        self._algorithm = algorithm
        self._version: FileVersion | None = None
        self._keys = self._read()

    async def find(self, kid: str | None) -> Sequence[VerificationKey]:
        """The keys of that `kid`; without one, the only key."""
        try:
            self._keys = self._read()
        except (OSError, KeyMaterialError):
            # The old keys serve until whoever edits the file is done.
            _log.warning("A key set file cannot be read", exc_info=True)
        return _select(self._keys, kid)

    def _read(self) -> list[VerificationKey]:
        """The keys; read anew when the file was changed, and for two seconds after that."""
        version = FileVersion.of(self._path)
        if version == self._version:
            return self._keys
        settled = version.is_settled
        keys = _parse(self._path.read_bytes(), self._algorithm)
        self._version = version if settled else None
        return keys


class JwksUrl:
    """A JWK set at a URL, fetched when first needed, when it has aged, and when a token names an unknown `kid`.

    Fetches keep to the bounds of `Cached`; who needs the result waits for it, who has a known key does not.
    """

    def __init__(
        self,
        url: str,
        algorithm: Algorithm,
        *,
        clock: Callable[[], float] = time.monotonic,
        fetch: Fetch | None = None,
    ) -> None:
        """`fetch(url)` returns the body or raises `OSError`."""
        self._url = url
        self._algorithm = algorithm
        self._fetch_url = _fetch if fetch is None else fetch
        self._keys = Cached(self._fetch, (OSError, KeyMaterialError), clock=clock)

    async def find(self, kid: str | None) -> Sequence[VerificationKey]:
        """The keys of that `kid`; without one, the only key."""
        keys = await self._keys.get()
        if keys is None:
            raise TokenError(
                "token_keys_unavailable",
                "The issuer's keys cannot be fetched at the moment.",
                hint="Try again in a minute; the issuer's key set may be out of reach.",
            )
        return _select(keys, kid) or _select(await self._keys.refresh() or keys, kid)

    async def _fetch(self) -> list[VerificationKey]:
        return _parse(await self._fetch_url(self._url), self._algorithm)


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


async def _fetch(url: str) -> bytes:
    # With what it takes to speak HTTPS: commands that fetch nothing begin without it.
    from bridge.auth.jwks_fetch import fetch_url

    return await fetch_url(url)
