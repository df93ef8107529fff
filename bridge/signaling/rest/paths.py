"""What a path of the REST API takes: which methods, and which query parameters. Anything else is refused, and told why.

A parameter that is ignored is a mistake that nobody sees: `?limt=5` gave all, and `?rom=time-1` every room's events.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.errors import BridgeError
from bridge.signaling.near import near
from bridge.signaling.problem import problem
from bridge.signaling.rest.openapi import Operation

Endpoint = Callable[[Request], Awaitable[Response]]

ANY_METHOD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_ROOMS = frozenset({"/v1/rooms", "/v1/rooms/{room}"})
_MAKES_NO_ROOM = (
    "Rooms are not made: they open when the first participant joins. POST /v1/rooms/{room}/tokens signs a join token."
)


def routes_of(operations: Mapping[Operation, Endpoint]) -> list[Route]:
    """One route a path, so that a wrong method is answered with all those that the path takes (RFC 9110, 15.5.6)."""
    paths: dict[str, dict[str, tuple[Operation, Endpoint]]] = {}
    for operation, endpoint in operations.items():
        paths.setdefault(operation.path, {})[operation.method] = (operation, endpoint)
    return [Route(path, _by_method(path, here), methods=ANY_METHOD) for path, here in paths.items()]


def check_query(operation: Operation, request: Request) -> None:
    """That the query has what the operation takes, and each once. Raises `BridgeError` (`invalid_request`)."""
    known = operation.query_parameters
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in known:
            raise BridgeError(
                "invalid_request", "There is no such query parameter here.", field=name, hint=near(name, known)
            )
        if given.count(name) > 1:
            raise BridgeError("invalid_request", "This query parameter is given more than once.", field=name)


def _by_method(path: str, here: Mapping[str, tuple[Operation, Endpoint]]) -> Endpoint:
    allowed = [*here, *(["HEAD"] if "GET" in here else [])]
    takes = " ".join(f"{method}: {operation.summary}." for method, (operation, _) in here.items())

    async def handle(request: Request) -> Response:
        # A HEAD is a GET whose body the server leaves out (RFC 9110, 9.3.2).
        found = here.get("GET" if request.method == "HEAD" else request.method)
        if found is not None:
            return await found[1](request)
        hint = f"{_MAKES_NO_ROOM} {takes}" if path in _ROOMS and request.method in ("POST", "PUT") else takes
        refusal = BridgeError("method_not_allowed", f"This path takes no {request.method}.", hint=hint)
        return problem(refusal, {"Allow": ", ".join(allowed)})

    return handle
