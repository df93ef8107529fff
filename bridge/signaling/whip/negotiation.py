"""What HTTP says about the body: media types asked for and sent (RFC 9110 §8.3, §12.5.1)."""

from __future__ import annotations

from typing import TypeVar, get_args

from starlette.requests import Request

from bridge.errors import BridgeError
from bridge.picture_layouts import PictureLayout, PictureShape
from bridge.sfu import ComposedLayout, View

SDP = "application/sdp"
SDP_FRAGMENT = "application/trickle-ice-sdpfrag"
LAYOUTS: tuple[PictureLayout, ...] = get_args(PictureLayout)
SHAPES: tuple[PictureShape, ...] = get_args(PictureShape)
_Name = TypeVar("_Name", bound=str)


def check_content_type(request: Request, wanted: str) -> None:
    """Raises `BridgeError` (`unsupported_media_type`) for a body of another type."""
    if _media_type(request.headers.get("content-type", "")) != wanted:
        raise BridgeError(
            "unsupported_media_type",
            f"The body has to be {wanted}.",
            field="Content-Type",
            hint=f"Content-Type: {wanted}",
        )


def check_accept(request: Request, offered: str) -> None:
    """Raises `BridgeError` (`not_acceptable`) for a client that does not take what it would get."""
    # A list may come in several headers (RFC 9110 §5.3). An empty one asks for nothing in particular.
    accept = ",".join(request.headers.getlist("accept"))
    if not accept.strip(", \t"):
        return
    family = offered.partition("/")[0]
    for item in accept.split(","):
        if _media_type(item) in (offered, f"{family}/*", "*/*") and not _is_refused(item):
            return
    raise BridgeError("not_acceptable", f"The answer is {offered}.", field="Accept")


def read_view(text: str | None) -> View | None:
    """The query parameter `view`: how a WHEP client gets the pictures. Raises `BridgeError` (`bad_view`)."""
    if text is None:
        return None
    if text not in (View.SEPARATE, View.COMPOSED):
        raise BridgeError("bad_view", "There is no such view.", field="view", hint="It is separate or composed.")
    return View(text)


def read_layout(layout: str | None, shape: str | None) -> ComposedLayout:
    """The query parameters `layout` and `shape` of a composed picture. Raises `BridgeError` (`bad_layout`)."""
    return ComposedLayout(_one_of(layout or "auto", "layout", LAYOUTS), _one_of(shape or "wide", "shape", SHAPES))


def _one_of(text: str, field: str, known: tuple[_Name, ...]) -> _Name:
    for name in known:
        if name == text:
            return name
    raise BridgeError("bad_layout", f"There is no such {field}.", field=field, hint=f"Known are: {', '.join(known)}.")


def _media_type(value: str) -> str:
    return value.partition(";")[0].strip().lower()


def _is_refused(item: str) -> bool:
    """Whether a media range has the weight zero."""
    for parameter in item.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            return value.strip().rstrip("0") in ("", "0.", ".")
    return False
