"""What operators and their machines ask: `/healthz`, `/readyz`, `/metrics`. Answered by `bridge.observability`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.errors import BridgeError
from bridge.signaling.networks import Network, comes_from
from bridge.signaling.problem import problem

NO_STORE = {"Cache-Control": "no-store"}


class Health(Protocol):
    """Knows whether the bridge lives and whether it is ready, each as checks by name."""

    def live(self) -> Mapping[str, bool]:
        """Any False: the process should be ended, it will not mend itself."""

    def ready(self) -> Mapping[str, bool]:
        """What holds and what does not."""

    def is_ready(self) -> bool:
        """False: new calls should go elsewhere."""


class Metrics(Protocol):
    """Knows the figures."""

    def render(self) -> tuple[bytes, str]:
        """The exposition and its content type."""


class OperationsRoutes:
    """The routes. Metrics are shown to `networks` only: how busy a bridge is is nobody else's business."""

    def __init__(self, health: Health, metrics: Metrics, networks: Sequence[Network]) -> None:
        self._health = health
        self._metrics = metrics
        self._networks = tuple(networks)

    def routes(self) -> list[Route]:
        """What the HTTP server has to route here."""
        return [
            Route("/healthz", self._live),
            Route("/readyz", self._ready),
            Route("/metrics", self._figures),
        ]

    async def _live(self, request: Request) -> Response:
        checks = self._health.live()
        return _checked(checks, good=all(checks.values()))

    async def _ready(self, request: Request) -> Response:
        return _checked(self._health.ready(), good=self._health.is_ready())

    async def _figures(self, request: Request) -> Response:
        if not comes_from(request, self._networks):
            return problem(BridgeError("not_granted", "Metrics are not shown to this address."))
        content, media_type = self._metrics.render()
        # Set as a header: the media type of Prometheus' formats holds parameters, which must be left as they are.
        return Response(content, headers={"Content-Type": media_type, **NO_STORE})


def _checked(checks: Mapping[str, bool], *, good: bool) -> Response:
    """200 if it is good, else 503. What is good although a check fails is degraded."""
    status = "failing" if not good else "ok" if all(checks.values()) else "degraded"
    body = {"status": status, "checks": dict(checks)}
    return JSONResponse(body, 200 if good else 503, headers=NO_STORE)
