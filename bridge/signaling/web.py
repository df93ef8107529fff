"""The page and the SDK: static files with the headers that keep a page of strangers from doing harm."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from mimetypes import guess_type
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
from bridge.signaling.mark import LOGO_PATH, Mark, fixed_answer, serve_logo
from bridge.signaling.strays import Strays

PAGES = {"/": "client/front.html", "/join": "client/index.html", "/signin": "client/signin.html"}
"""By path: where to come in, for who typed the host's name; the consultation, and what stands between a link and it."""
NOTHING = "client/nothing.html"
"""What browsers are told at any other path."""
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
NOT_LOADED = "<!-- not-loaded -->"
"""Where a page has what is seen until its scripts run, or instead of them: `not-loaded.html` beside it."""
WORKER = "blur/worker.js"
"""In `client`, the one script that may compile WebAssembly: a worker has the policy that its script comes with."""
PACKAGES = Path("packages") / "files"
"""Where `scripts/web-packages` puts what comes from npm, each file compressed: too large for it at each request."""


def default_web_directory() -> Path:
    """Where the web files lie: in the package, which in a checkout has a link to `web/`."""
    return Path(__file__).resolve().parents[1] / "web"


def read_page(path: Path) -> str:
    """The HTML of a page, whole. Raises `OSError`."""
    page = path.read_text(encoding="utf-8")
    if NOT_LOADED in page:
        page = page.replace(NOT_LOADED, path.with_name("not-loaded.html").read_text(encoding="utf-8").strip())
    return page


class WebFiles:
    """`/`, `/join` and `/signin` are the pages; `/client/`, `/sdk/` and `/packages/` are what they are made of."""

    def __init__(
        self,
        directory: Path,
        *,
        frame_ancestors: Sequence[str] = (),
        more: Mapping[str, str] | None = None,
        elsewhere: Sequence[str] = (),
        mark: Mark | None = None,
    ) -> None:
        """`frame_ancestors`: origins of vendors whose pages may embed ours; none by default. `more`: as `PAGES`.

        `elsewhere`: paths of pages that others serve. The pages are read here; what they are made of, at each request.
        """
        self._directory = directory
        self._mark = mark or Mark()
        self._pages = {**PAGES, **(more or {})}
        self._elsewhere = elsewhere
        ancestors = " ".join(frame_ancestors) or "'none'"
        policy = "; ".join((*DIRECTIVES, f"frame-ancestors {ancestors}"))
        self._headers = {
            "Content-Security-Policy": policy,
            "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
            "Cross-Origin-Opener-Policy": "same-origin",
            # Asked about at each load, and answered 304: a bridge that was updated must not meet its older page.
            "Cache-Control": "no-cache",
        }
        self._worker_policy = policy.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")

    def routes(self) -> list[BaseRoute]:
        """What the HTTP server has to route here, after everything else."""
        return [
            *(Route(path, self._page(file), methods=["GET"]) for path, file in self._pages.items()),
            *([Route(LOGO_PATH, serve_logo(self._mark.logo), methods=["GET"])] if self._mark.logo else []),
            Mount("/client", self._files("client", {WORKER: {"Content-Security-Policy": self._worker_policy}})),
            Mount("/sdk", self._files("sdk")),
            Mount("/packages", _Compressed(self._directory / PACKAGES, self._headers, {})),
            *self._strays(),
        ]

    def _strays(self) -> list[BaseRoute]:
        path = self._directory / NOTHING
        if not path.is_file():
            return []
        words = self._mark.put_into(read_page(path))
        return [Strays([*self._pages, *self._elsewhere], words, self._headers)]

    def _files(self, folder: str, special: Mapping[str, Mapping[str, str]] | None = None) -> ASGIApp:
        """`special`: headers of single files, by their path in the folder."""
        # There is nothing secret in them, and a third of the bytes is what a phone on a thin line waits for.
        files = _Files(self._directory / folder, self._headers, special or {})
        return GZipMiddleware(files, minimum_size=500, compresslevel=6)

    def _page(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        path = self._directory / name
        if not path.is_file():
            return _nothing
        content = self._mark.put_into(read_page(path)).encode()
        return fixed_answer(content, "text/html", self._headers)


async def _nothing(_request: Request) -> Response:
    """A bridge that was installed without its pages is still a bridge."""
    raise HTTPException(404)


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
    def __init__(self, directory: Path, headers: Mapping[str, str], special: Mapping[str, Mapping[str, str]]) -> None:
        super().__init__(directory=directory, check_dir=False)
        self._extra = headers
        self._special = special

    async def check_config(self) -> None:
        """A folder that is not there has no files."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, or `HTTPException` (404, 405)."""
        parts = Path(path).parts
        if any(part.startswith(".") or part in HIDDEN for part in parts):
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        MutableHeaders(raw=response.raw_headers).update({**self._extra, **self._special.get(path, {})})
        return response


class _Compressed(_Files):
    """Files that lie there compressed by gzip, and are sent so: every browser takes it."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """`path` is without `.gz`."""
        response = await super().get_response(f"{path}.gz", scope)
        if response.status_code == 200:
            kind = guess_type(path)[0] or "application/octet-stream"
            MutableHeaders(raw=response.raw_headers).update({"Content-Encoding": "gzip", "Content-Type": kind})
        return response
