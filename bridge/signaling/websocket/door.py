"""The door itself: who may knock, and how many at a time."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from bridge.errors import BridgeError
from bridge.signaling.calls import Calls, Door
from bridge.signaling.problem import problem
from bridge.signaling.protocols import DROP
from bridge.signaling.websocket import close_codes
from bridge.signaling.websocket.connection import Connection
from bridge.signaling.websocket.settings import PATH, SUBPROTOCOL, WebSocketSettings
from bridge.signaling.websocket.welcome import Welcome

ANY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class WebSocketDoor:
    """Clients that speak the protocol of `docs/protocol/`."""

    def __init__(self, calls: Calls, settings: WebSocketSettings, *, version: str, grace: float) -> None:
        """`version` of the bridge, and the rooms' `grace` in seconds, are told to clients."""
        self._calls = calls
        self._settings = settings
        self._welcome = Welcome(settings, version=version, grace=grace)
        self._connections: set[Connection] = set()
        self._waiting: dict[Connection, None] = {}
        """Those that have not joined, the longest first."""

    def routes(self) -> list[BaseRoute]:
        """What the HTTP server has to route here."""
        return [WebSocketRoute(PATH, self._serve), Route(PATH, _upgrade_required, methods=ANY_METHOD)]

    async def _serve(self, websocket: WebSocket) -> None:
        refusal = self._refusal(websocket)
        if refusal is not None:
            await websocket.send_denial_response(refusal)
            return
        offered = websocket.scope["subprotocols"]
        await websocket.accept(SUBPROTOCOL if offered else None)
        connection = Connection(
            websocket,
            self._calls,
            self._settings,
            self._welcome,
            websocket.scope["extensions"][DROP],
            self._has_joined,
        )
        self._make_room()
        self._connections.add(connection)
        self._waiting[connection] = None
        try:
            if len(self._connections) > self._settings.max_connections:
                self._calls.observer.on_refused(Door.WEBSOCKET, close_codes.TOO_MANY_CONNECTIONS.code)
                connection.close(close_codes.TOO_MANY_CONNECTIONS)
            await connection.run()
        finally:
            self._connections.discard(connection)
            self._waiting.pop(connection, None)

    def _make_room(self) -> None:
        """Lets no crowd of strangers keep others from joining: who has waited for longest makes room."""
        full = len(self._connections) >= self._settings.max_connections
        if self._waiting and (full or len(self._waiting) >= self._settings.max_waiting):
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            self._connections.discard(oldest)
            self._calls.observer.on_refused(Door.WEBSOCKET, close_codes.JOIN_TIMED_OUT.code)
            oldest.cut(close_codes.JOIN_TIMED_OUT)

    def _has_joined(self, connection: Connection) -> None:
        self._waiting.pop(connection, None)

    def _refusal(self, websocket: WebSocket) -> JSONResponse | None:
        origin = websocket.headers.get("origin")
        allowed = self._settings.allowed_origins
        if origin is not None and "*" not in allowed and origin not in allowed:
            return problem(BridgeError("not_granted", "Pages of this origin may not use this bridge.", field="Origin"))
        offered = websocket.scope["subprotocols"]
        if offered and SUBPROTOCOL not in offered:
            return problem(
                BridgeError(
                    "unsupported_subprotocol",
                    "None of the WebSocket subprotocols offered is known here.",
                    field="Sec-WebSocket-Protocol",
                    hint=f"Offer {SUBPROTOCOL}, or none.",
                )
            )
        return None


async def _upgrade_required(_: Request) -> JSONResponse:
    """What a client sees whose opening handshake does not arrive as one (RFC 9110, 15.5.22)."""
    refusal = BridgeError(
        "upgrade_required",
        "Here WebSockets are opened.",
        field="Upgrade",
        hint="If the client did ask for one, a proxy on the way has to pass Upgrade and Connection on.",
    )
    return problem(refusal, {"Upgrade": "websocket", "Connection": "Upgrade"})
