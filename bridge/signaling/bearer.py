"""The bearer token (RFC 6750) of an HTTP request."""

from __future__ import annotations

from starlette.requests import Request

from bridge.errors import BridgeError

_IN_QUERY = frozenset({"access_token", "token"})
"""Query parameters by which some players send their token."""


def bearer_token(request: Request) -> str:
    """The token of the Authorization header. Raises `BridgeError` (`unauthorized`).

    A token in the query (RFC 6750 §2.3) is not taken: it would end up in logs.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        hint = "Authorization: Bearer TOKEN"
        if not _IN_QUERY.isdisjoint(request.query_params):
            hint = f"A token in the URL is not read, since URLs end up in logs. Send it as a header: {hint}"
        raise BridgeError("unauthorized", "A bearer token is needed.", field="Authorization", hint=hint)
    return token.strip()
