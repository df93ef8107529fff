"""The one HTTP application: the doors, the page, and what operators ask."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.errors import BridgeError
from bridge.signaling.incidents import internal_error
from bridge.signaling.problem import problem

ON_EVERY_RESPONSE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

_CODES = {404: ("not_found", "There is nothing here."), 405: ("method_not_allowed", "This method means nothing here.")}


def application(routes: Iterable[BaseRoute], *, hsts: float = 0.0) -> Starlette:
    """The ASGI application of these routes. Whatever fails in it, its clients see a problem document.

    `hsts`: seconds for which browsers that came by TLS are to come by TLS only (RFC 6797); 0 does not say so.
    """
    served = Starlette(
        routes=list(routes),
        middleware=[Middleware(_CommonHeaders, hsts=hsts), Middleware(_LastResort)],
        exception_handlers={HTTPException: _http_exception},
    )
    # Starlette's redirect names the scheme that it sees, which is http behind a proxy that ends TLS and is not trusted;
    # and the preflight of a page may not be redirected at all (Fetch standard).
    served.router.redirect_slashes = False
    return served


async def _http_exception(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: unknown paths and methods."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    code, message = _CODES.get(status, ("bad_request", "The request cannot be served."))
    return problem(BridgeError(code, message, hint=_hint(request) if status == 404 else None), dict(headers or {}))


def _hint(request: Request) -> str | None:
    """What may be wrong with a path at which there is nothing."""
    path = request.url.path
    if "//" in path:
        return "Leave one of the two slashes in a row out."
    if path.endswith("/") and path != "/":
        return "Leave the slash at its end out."
    if path.startswith("/v1/"):
        return "GET /v1/openapi.json describes the paths of the REST API."
    return None


class _CommonHeaders:
    """Puts on every response what every response has to have."""

    def __init__(self, app: ASGIApp, hsts: float) -> None:
        self._app = app
        self._secure = {"Strict-Transport-Security": f"max-age={hsts:.0f}"} if hsts > 0 else {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Browsers take no notice of it over cleartext, and no host has to promise what it does not serve.
        common = ON_EVERY_RESPONSE | (self._secure if scope.get("scheme") == "https" else {})

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in common.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class _LastResort:
    """Turns an exception that nobody expected into a problem document with an incident id, and a log line."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except Exception:
            refusal = internal_error("http")
            if started:
                # Too late for another status: the client sees a response that was cut off.
                raise
            await problem(refusal)(scope, receive, send)
