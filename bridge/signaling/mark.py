"""Whose service it is: name, logo and whom to turn to, put into the pages as they are served.

They stand in the document itself, so that they need no further request and are there also where a script is not.
"""

from __future__ import annotations

import html
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

LOGO_PATH = "/logo"
_LOGO_HEADERS = {
    # Whoever opens the file by itself opens a document of an origin of its own, where nothing runs and nothing loads.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_BRAND = re.compile(r"(<!-- brand -->).*?(<!-- /brand -->)", re.DOTALL)
_SUPPORT = "<!-- support -->"


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture as it is served."""

    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Mark:
    """What an operator puts on the pages; nothing by default."""

    name: str = ""
    support: str = ""
    logo: Logo | None = None

    def put_into(self, page: str) -> str:
        """The HTML of a page with the mark: as `<meta>` for its scripts, and in what stands there before they run."""
        facts = {"service-name": self.name, "service-support": self.support, "service-logo": self._logo_path}
        metas = "".join(f'<meta name="{name}" content="{html.escape(text)}">' for name, text in facts.items() if text)
        page = page.replace("</head>", f"{metas}</head>", 1)
        if self.name:
            picture = f'<img class="brand-logo" src="{self._logo_path}" alt="">' if self.logo else ""
            brand = f'<div class="brand">{picture}<div>{html.escape(self.name)}</div></div>'
            page = _BRAND.sub(lambda found: found[1] + brand + found[2], page)
        if self.support:
            page = page.replace(_SUPPORT, f'<p class="support">{html.escape(self.support)}</p>')
        return page

    @property
    def _logo_path(self) -> str:
        # Relative: pages may stand behind a path prefix.
        return LOGO_PATH.removeprefix("/") if self.logo else ""


def fixed_answer(
    content: bytes, media_type: str, headers: Mapping[str, str]
) -> Callable[[Request], Awaitable[Response]]:
    """A handler that always answers the same, and 304 to who has it already (RFC 9110, section 13.1.2)."""
    etag = f'"{sha256(content).hexdigest()[:32]}"'
    all_headers = {**headers, "ETag": etag}

    async def answer(request: Request) -> Response:
        known = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")]
        if etag in known:
            return Response(status_code=304, headers=all_headers)
        return Response(content, headers=all_headers, media_type=media_type)

    return answer


def serve_logo(logo: Logo) -> Callable[[Request], Awaitable[Response]]:
    """A handler for `LOGO_PATH`."""
    return fixed_answer(logo.content, logo.media_type, _LOGO_HEADERS)
