"""Addresses at which there is nothing, opened in a browser: to the page that was meant, or told in words.

What programs ask for is left to the problem documents: they do not accept HTML, or want what lies below `/v1/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NoReturn

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

SUFFIX = ".html"
INDEX = "index"


class Strays(BaseRoute):
    """The last route: whatever a browser opens that no other route has."""

    def __init__(self, pages: Iterable[str], words: str, headers: Mapping[str, str]) -> None:
        """`pages`: paths that may have been meant. `words`: HTML, its links relative to `/`; served with `headers`."""
        self._pages = frozenset(pages)
        self._words = words
        self._headers = headers

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See Starlette."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or scope["path"].startswith("/v1/"):
            return Match.NONE, {}
        return (Match.FULL if "text/html" in Request(scope).headers.get("Accept", "") else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See Starlette."""
        await self._answer(scope["path"], scope["query_string"].decode("latin-1"))(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: object) -> NoReturn:
        """It has no name."""
        raise NoMatchFound(name, path_params)

    def _answer(self, path: str, query: str) -> Response:
        # Relative: pages may stand behind a path prefix, and a proxy that ends TLS.
        back = "../" * (path.count("/") - 1)
        meant = _meant(path)
        if meant in self._pages:
            where = f"{back}{meant.removeprefix('/')}" or "./"
            return RedirectResponse(f"{where}?{query}" if query else where, headers={"Cache-Control": "no-store"})
        words = self._words.replace('="client/', f'="{back}client/').replace('src="logo"', f'src="{back}logo"')
        return Response(words, 404, {**self._headers, "Cache-Control": "no-store"}, media_type="text/html")


def _meant(path: str) -> str:
    """The path as pages have theirs: small letters, no slash too many, no name of a file."""
    parts = [part.lower() for part in path.split("/") if part]
    if parts:
        parts[-1] = parts[-1].removesuffix(SUFFIX)
    return "/" + "/".join(part for part in parts if part != INDEX)
