"""Cross-origin use of the HTTP doors by pages of vendors (Fetch standard, CORS protocol).

Credentials are never allowed: the bearer token is put there by the page itself, and cookies mean nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

ALLOWED_HEADERS = "Authorization, Content-Type, If-Match, *"
"""All (Fetch standard, CORS protocol), but Authorization has to be named: what watches a vendor's page adds some to
each request (`traceparent`). Cookies, by which a page could do harm with a header of its own, are never used."""
EXPOSED_HEADERS = "Location, ETag, Link, Accept-Post, Accept-Patch, Retry-After, WWW-Authenticate"
PREFLIGHT_SECONDS = "7200"


class CorsPolicy:
    """Which origins may use the HTTP doors; "*" is all."""

    def __init__(self, allowed_origins: Sequence[str]) -> None:
        self._allowed = frozenset(allowed_origins)

    def headers(self, request: Request) -> dict[str, str]:
        """The headers for a response to this request."""
        if "*" in self._allowed:
            return {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": EXPOSED_HEADERS}
        headers = {"Vary": "Origin"}
        origin = request.headers.get("origin")
        if origin in self._allowed and origin is not None:
            headers |= {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED_HEADERS}
        return headers

    def preflight_headers(self, request: Request, methods: Sequence[str]) -> dict[str, str]:
        """The headers for the answer to OPTIONS."""
        headers = self.headers(request)
        if "Access-Control-Allow-Origin" in headers:
            headers |= {
                "Access-Control-Allow-Methods": ", ".join(methods),
                "Access-Control-Allow-Headers": ALLOWED_HEADERS,
                "Access-Control-Max-Age": PREFLIGHT_SECONDS,
            }
        return headers
