"""The page and the SDK: static files with the headers that keep a page of strangers from doing harm."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from bridge.errors import BridgeError

PAGES = {"/join": "client/index.html", "/signin": "client/signin.html"}
"""By path: the consultation, and what stands between a link and it."""
HIDDEN = frozenset({"node_modules", "test", "tests"})
"""Folders that are never served; nor is anything whose name starts with a dot."""

DIRECTIVES = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "media-src 'self' blob: mediastream:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
)
"""Content Security Policy, level 3: no inline scripts or styles, nothing from elsewhere."""


def default_web_directory() -> Path:
    """Where the web files lie: in the package, which in a checkout has a link to `web/`."""
    return Path(__file__).resolve().parents[1] / "web"


class WebFiles:
    """`/join` and `/signin` are the pages; `/client/` and `/sdk/` are what it is made of."""

    def __init__(
        self, directory: Path, *, frame_ancestors: Sequence[str] = (), more: Mapping[str, str] | None = None
    ) -> None:
        """`frame_ancestors`: origins of vendors whose pages may embed ours; none by default. `more`: as `PAGES`."""
        self._directory = directory
        self._pages = {**PAGES, **(more or {})}
        ancestors = " ".join(frame_ancestors) or "'none'"
        policy = "; ".join((*DIRECTIVES, f"frame-ancestors {ancestors}"))
        self._headers = {
            "Content-Security-Policy": policy,
            "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
            "Cross-Origin-Opener-Policy": "same-origin",
            # Asked about at each load, and answered 304: a bridge that was updated must not meet its older page.
            "Cache-Control": "no-cache",
        }

    def routes(self) -> list[BaseRoute]:
        """What the HTTP server has to route here."""
        return [
            *(Route(path, self._page, methods=["GET"]) for path in self._pages),
            Mount("/client", self._files("client")),
            Mount("/sdk", self._files("sdk")),
        ]

    def _files(self, folder: str) -> ASGIApp:
        # There is nothing secret in them, and a third of the bytes is what a phone on a thin line waits for.
        return GZipMiddleware(_Files(self._directory / folder, self._headers), minimum_size=500, compresslevel=6)

    async def _page(self, request: Request) -> Response:
        path = self._directory / self._pages[request.scope["path"]]
        if not path.is_file():
            raise HTTPException(404)
        return FileResponse(path, headers=self._headers)


def lone_page(path: Path) -> Callable[[Request], Awaitable[Response]]:
    """A handler for a page that stands in no frame, and has no use for camera, microphone or place."""
    headers = {
        "Content-Security-Policy": "; ".join((*DIRECTIVES, "frame-ancestors 'none'")),
        "Permissions-Policy": "camera=(), microphone=(), display-capture=(), geolocation=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }

    there = path.is_file()

    async def serve(_request: Request) -> Response:
        if not there:
            raise BridgeError("not_found", "This bridge was installed without its pages.")
        return FileResponse(path, headers=headers)

    return serve


class _Files(StaticFiles):
    def __init__(self, directory: Path, headers: dict[str, str]) -> None:
        super().__init__(directory=directory, check_dir=False)
        self._extra = headers

    async def check_config(self) -> None:
        """A folder that is not there has no files: a bridge without a page is still a bridge."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, or `HTTPException` (404, 405)."""
        parts = Path(path).parts
        if any(part.startswith(".") or part in HIDDEN for part in parts):
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        MutableHeaders(raw=response.raw_headers).update(self._extra)
        return response
