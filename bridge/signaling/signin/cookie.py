"""The session cookie, and the checks that a request with it was made by our own page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from bridge.auth.sessions import Session
from bridge.signaling.csrf import CSRF_HEADER, CsrfError, check_same_origin

COOKIE = "__Host-bridge"
"""The prefix has browsers take it from us only: over TLS, for this host alone (RFC 6265bis §4.1.3)."""


def set_cookie(response: Response, value: str, *, embedded: bool) -> None:
    """Gives the browser its session. `embedded`: our pages stand in vendors' frames, each with cookies of its own."""
    site = "SameSite=None; Partitioned" if embedded else "SameSite=Lax"
    response.headers.append("Set-Cookie", f"{COOKIE}={value}; Path=/; Secure; HttpOnly; {site}")


def clear_cookie(response: Response, *, embedded: bool) -> None:
    """Has the browser forget it."""
    site = "SameSite=None; Partitioned" if embedded else "SameSite=Lax"
    response.headers.append("Set-Cookie", f"{COOKIE}=; Path=/; Secure; HttpOnly; {site}; Max-Age=0")


def check_csrf(request: Request, session: Session) -> None:
    """Refuses a request without the session's own token. Raises `CsrfError`."""
    check_same_origin(request)
    if not session.check_csrf(request.headers.get(CSRF_HEADER)):
        raise CsrfError(f"{CSRF_HEADER} has to hold the `csrf` of /signin/session.")
