"""Whether a bridge's door is at a URL, and if not, what a person would have to mend."""

from __future__ import annotations

import os
import socket
import ssl

import websockets
from websockets.asyncio.client import connect
from websockets.uri import parse_uri

from bridge.errors import BridgeError

_DOOR = "The door is wss://HOST/v1/signal, or ws:// where the bridge speaks no TLS."


async def look_for(url: str) -> None:
    """Opens a WebSocket and closes it. Raises `BridgeError`: `bad_url`; `no_bridge`, see `not_reached`."""
    try:
        parse_uri(url)
    except (websockets.InvalidURI, ValueError):
        raise BridgeError("bad_url", f"{url!r} names no host and port.", field="URL", hint=_DOOR) from None
    try:
        async with connect(url):
            pass
    except (OSError, websockets.WebSocketException) as error:
        raise not_reached(error) from None


def not_reached(error: OSError | websockets.WebSocketException) -> BridgeError:
    """What opening a WebSocket to the bridge failed by, in words."""
    hint = None
    match error:
        case websockets.InvalidStatus():
            status = error.response.status_code
            why = "that path is no door (HTTP 404)" if status == 404 else f"it answers HTTP {status}"
            hint = _DOOR
        case websockets.WebSocketException():
            why, hint = "what answers there speaks no WebSocket", _DOOR
        case ssl.SSLCertVerificationError():
            why, hint = (
                f"its certificate does not hold: {error.verify_message}",
                "SSL_CERT_FILE names a file of authorities to believe besides.",
            )
        case ssl.SSLError():
            why, hint = "what answers there speaks no TLS", _DOOR
        case socket.gaierror():
            why = "there is no host of that name"
        case TimeoutError():
            why = "it does not answer"
        case _:
            # asyncio's own text names the call, not why it failed; only of several addresses it is all there is.
            why = os.strerror(error.errno).lower() if error.errno is not None else str(error)
    return BridgeError("no_bridge", f"The bridge cannot be reached: {why}.", field="URL", hint=hint)
