"""The WebSocket door at `/v1/signal`: JSON messages, described in `docs/protocol/`."""

from bridge.signaling.websocket.door import WebSocketDoor
from bridge.signaling.websocket.settings import IceServer, WebSocketSettings

__all__ = ["IceServer", "WebSocketDoor", "WebSocketSettings"]
