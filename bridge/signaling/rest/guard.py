"""What holds for every request of a vendor: who it is, not too often, refusals as problem documents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from bridge.auth.api_keys import Authenticator
from bridge.errors import BridgeError
from bridge.signaling.incidents import internal_error
from bridge.signaling.problem import problem
from bridge.signaling.rate_limit import RateLimit

PER_SECOND, BURST = 50.0, 500
"""Requests of one vendor."""

Handler = Callable[[Request, str], Awaitable[Response]]


class Guard:
    """Stands before every handler and tells it the tenant."""

    def __init__(self, vendors: Authenticator, clock: Callable[[], float]) -> None:
        """`clock`: see `RateLimit`."""
        self._vendors = vendors
        self._clock = clock
        self._limits: dict[str, RateLimit] = {}

    def __call__(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """`handler` for whoever is let by."""

        async def handle(request: Request) -> Response:
            try:
                tenant = await self._vendors.authenticate(_bearer(request))
                # There are as many as the settings have vendors.
                limit = self._limits.setdefault(tenant, RateLimit(PER_SECOND, BURST, self._clock))
                if not limit.take():
                    raise BridgeError("rate_limited", "There are too many requests of this vendor.")
                return await handler(request, tenant)
            except BridgeError as refusal:
                return problem(refusal)
            except Exception:
                return problem(internal_error("rest"))

        return handle


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise BridgeError("unauthorized", "An API key or a vendor's token is needed.", hint="Authorization: Bearer …")
    return token.strip()
