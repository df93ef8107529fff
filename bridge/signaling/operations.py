"""What operators and their machines ask: `/healthz`, `/readyz`, `/metrics`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.errors import BridgeError
from bridge.signaling.problem import problem

Network = IPv4Network | IPv6Network
NO_STORE = {"Cache-Control": "no-store"}


class Operations(Protocol):
    """Knows how the bridge is. Implemented by `bridge.observability`."""

    def readiness(self) -> Mapping[str, bool]:
        """Whether each thing that a call needs is there, by its name. Ready is when all are."""

    def metrics(self) -> tuple[bytes, str]:
        """The metrics, and the media type of their format."""


class OperationsRoutes:
    """The routes. Metrics are shown to `networks` only: how busy a bridge is is nobody else's business."""

    def __init__(self, operations: Operations, networks: Sequence[Network]) -> None:
        self._operations = operations
        self._networks = tuple(networks)

    def routes(self) -> list[Route]:
        """What the HTTP server has to route here."""
        return [
            Route("/healthz", self._health),
            Route("/readyz", self._readiness),
            Route("/metrics", self._metrics),
        ]

    async def _health(self, request: Request) -> Response:
        """The event loop turns; that is all it says."""
        return JSONResponse({"status": "ok"}, headers=NO_STORE)

    async def _readiness(self, request: Request) -> Response:
        checks = dict(self._operations.readiness())
        ready = all(checks.values())
        body = {"status": "ready" if ready else "not ready", "checks": checks}
        return JSONResponse(body, 200 if ready else 503, headers=NO_STORE)

    async def _metrics(self, request: Request) -> Response:
        if not self._may_see_metrics(request):
            return problem(BridgeError("not_granted", "Metrics are not shown to this address."))
        content, media_type = self._operations.metrics()
        # Set as a header: the media type of Prometheus' formats holds parameters, which must be left as they are.
        return Response(content, headers={"Content-Type": media_type, **NO_STORE})

    def _may_see_metrics(self, request: Request) -> bool:
        if request.client is None:
            return True
        try:
            address = ip_address(request.client.host.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._networks)
