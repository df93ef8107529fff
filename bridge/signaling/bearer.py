"""The bearer token (RFC 6750) of an HTTP request."""

from __future__ import annotations

from starlette.requests import Request

from bridge.errors import BridgeError


def bearer_token(request: Request) -> str:
    """The token of the Authorization header. Raises `BridgeError` (`unauthorized`).

    A token in the query (RFC 6750 §2.3) is not taken: it would end up in logs.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise BridgeError(
            "unauthorized", "A bearer token is needed.", field="Authorization", hint="Authorization: Bearer TOKEN"
        )
    return token.strip()
