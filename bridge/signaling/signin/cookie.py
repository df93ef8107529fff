"""The session cookie, and the checks that a request with it was made by our own page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from bridge.auth.sessions import Session
from bridge.errors import BridgeError

COOKIE = "__Host-bridge"
"""The prefix has browsers take it from us only: over TLS, for this host alone (RFC 6265bis §4.1.3)."""
CSRF_HEADER = "X-CSRF-Token"


class CsrfError(BridgeError):
    """A request that changes something was not made by our own page. Code: `csrf_failed`."""

    def __init__(self, hint: str) -> None:
        super().__init__("csrf_failed", "The request was not made by the bridge's own page.", hint=hint)


def set_cookie(response: Response, value: str, *, embedded: bool) -> None:
    """Gives the browser its session. `embedded`: our pages stand in vendors' frames, each with cookies of its own."""
    site = "SameSite=None; Partitioned" if embedded else "SameSite=Lax"
    response.headers.append("Set-Cookie", f"{COOKIE}={value}; Path=/; Secure; HttpOnly; {site}")


def clear_cookie(response: Response, *, embedded: bool) -> None:
    """Has the browser forget it."""
    site = "SameSite=None; Partitioned" if embedded else "SameSite=Lax"
    response.headers.append("Set-Cookie", f"{COOKIE}=; Path=/; Secure; HttpOnly; {site}; Max-Age=0")


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


def check_csrf(request: Request, session: Session) -> None:
    """Refuses a request without the session's own token. Raises `CsrfError`."""
    check_same_origin(request)
    if not session.check_csrf(request.headers.get(CSRF_HEADER)):
        raise CsrfError(f"{CSRF_HEADER} has to hold the `csrf` of /signin/session.")
