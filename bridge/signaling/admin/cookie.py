"""The cookies of operators' browsers: of a session, and of a sign-in under way at a provider.

The prefix has browsers take them from us only: over TLS, for this host alone (RFC 6265bis §4.1.3).
"""

from __future__ import annotations

from starlette.responses import Response

COOKIE = "__Host-bridge-operator"
PENDING_COOKIE = "__Host-bridge-operator-signin"
PENDING_SECONDS = 600
"""How long somebody may take at a provider."""
NO_STORE = {"Cache-Control": "no-store"}

_SESSION = "Path=/; Secure; HttpOnly; SameSite=Strict"
_PENDING = "Path=/; Secure; HttpOnly; SameSite=Lax"


def set_session(response: Response, value: str) -> None:
    """Gives the browser its session."""
    response.headers.append("Set-Cookie", f"{COOKIE}={value}; {_SESSION}")


def forget_session(response: Response) -> None:
    """Has the browser forget it."""
    response.headers.append("Set-Cookie", f"{COOKIE}=; {_SESSION}; Max-Age=0")


def set_pending(response: Response, value: str) -> None:
    """Marks the browser in which a sign-in begins."""
    response.headers.append("Set-Cookie", f"{PENDING_COOKIE}={value}; {_PENDING}; Max-Age={PENDING_SECONDS}")


def forget_pending(response: Response) -> None:
    """Has the browser forget it."""
    response.headers.append("Set-Cookie", f"{PENDING_COOKIE}=; {_PENDING}; Max-Age=0")
