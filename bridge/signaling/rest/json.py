"""JSON in and out of the REST API."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bridge.errors import BridgeError
from bridge.signaling import decoder_errors
from bridge.signaling.body import read_text
from bridge.signaling.near import near

MAX_BODY_BYTES = 8192
NO_STORE = {"Cache-Control": "no-store"}

T = TypeVar("T", bound=msgspec.Struct)


async def read_json(request: Request) -> str:
    """The body, which is JSON. It is kept with the request, for those who ask again. Raises `BridgeError`."""
    kept: str | None = getattr(request.state, "body", None)
    if kept is None:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise BridgeError("unsupported_media_type", "The body has to be application/json.", field="Content-Type")
        kept = request.state.body = await read_text(request, MAX_BODY_BYTES)
    return kept


def decode_json(text: str, kind: type[T]) -> T:
    """The body as one of the API's types. Raises `BridgeError` (`invalid_request`)."""
    if not text.strip():
        raise BridgeError("invalid_request", "The body is empty; it has to be a JSON object.")
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        message, field = decoder_errors.told(error)
        hint = None
        if field is not None and message.startswith(decoder_errors.UNKNOWN_FIELD):
            hint = near(field, [each.encode_name for each in msgspec.structs.fields(kind)])
        raise BridgeError("invalid_request", f"{message}.", field=field, hint=hint) from None
    except msgspec.DecodeError as error:
        raise BridgeError("invalid_request", f"The body has to be a JSON object: {error}.") from None


def json_response(body: Any, status: int = 200) -> Response:
    """An answer."""
    return Response(msgspec.json.encode(body), status, NO_STORE, media_type="application/json")
