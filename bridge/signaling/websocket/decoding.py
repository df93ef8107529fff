"""From a text frame to a request."""

from __future__ import annotations

from typing import get_args

import msgspec

from bridge.errors import BridgeError
from bridge.signaling import decoder_errors
from bridge.signaling.near import near
from bridge.signaling.websocket.messages.client import ClientMessage

_REASON_LENGTH = 200
"""Characters of the decoder's sentence that are passed on: it may quote what the client sent."""

_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)


_FIELDS: dict[str, list[str]] = {
    str(kind.__struct_config__.tag): ["type", *(each.encode_name for each in msgspec.structs.fields(kind))]
    for kind in get_args(ClientMessage)
}
"""What each request may have, by its type."""
_HINT = "docs/protocol describes every message."


class _Numbered(msgspec.Struct):
    id: int | None = None


class _Typed(msgspec.Struct):
    type: str


class BadMessageError(BridgeError):
    """A frame that holds no request (`bad_json`, `bad_message`). `request_id` is its `id`, if it has a usable one."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        field: str | None = None,
        hint: str | None = None,
        request_id: int | None = None,
    ) -> None:
        super().__init__(code, message, field=field, hint=hint)
        self.request_id = request_id


def decode(text: str) -> ClientMessage:
    """The request in a text frame. Raises `BadMessageError`."""
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError as error:
        reason, field = decoder_errors.told(error)
        raise BadMessageError(
            "bad_message",
            f"{reason[:_REASON_LENGTH]}.",
            field=None if field is None else field[:_REASON_LENGTH],
            hint=_hint(text, reason, field),
            request_id=request_id_of(text),
        ) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadMessageError(
            "bad_json", "The message is not JSON.", hint="Send one JSON object in a text frame."
        ) from None


def _hint(text: str, reason: str, field: str | None) -> str:
    """What the client may have meant by a type, or by a field of a request, that there is not."""
    try:
        type_ = msgspec.json.decode(text, type=_Typed).type
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _HINT
    if field == "type" and type_ not in _FIELDS:
        return f"{near(type_, _FIELDS)} {_HINT}"
    if field is not None and type_ in _FIELDS and reason.startswith(decoder_errors.UNKNOWN_FIELD) and "." not in field:
        return f"{near(field, _FIELDS[type_])} {_HINT}"
    return _HINT


def request_id_of(text: str | None) -> int | None:
    """The number of the request in a text frame, whatever else is in it; None where there is no usable one."""
    if text is None:
        return None
    try:
        request_id = msgspec.json.decode(text, type=_Numbered).id
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return request_id if request_id is not None and 1 <= request_id < 2**53 else None
