"""Checks that a request with a session cookie was made by our own page."""

from __future__ import annotations

from starlette.requests import Request

from bridge.errors import BridgeError

CSRF_HEADER = "X-CSRF-Token"


class CsrfError(BridgeError):
    """A request that changes something was not made by our own page. Code: `csrf_failed`."""

    def __init__(self, hint: str) -> None:
        super().__init__("csrf_failed", "The request was not made by the bridge's own page.", hint=hint)


def check_same_origin(request: Request) -> None:
    """Refuses what another site's page sends. Raises `CsrfError`.

    Browsers say where a request comes from (Fetch Metadata), older ones by `Origin` at least; no page can set either.
    """
    site = request.headers.get("sec-fetch-site")
    if site not in (None, "same-origin"):
        raise CsrfError("Sec-Fetch-Site has to be same-origin.")
    origin = request.headers.get("origin")
    if site is None and origin is not None and origin != f"{request.url.scheme}://{request.url.netloc}":
        raise CsrfError("Origin has to be the bridge's own.")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise CsrfError("Content-Type has to be application/json.")
