"""What is wrong with an SDP, and where."""

from __future__ import annotations

import re

from bridge.errors import BridgeError

_SHOWN_TEXT = 80

_SHOWABLE = re.compile(
    r"m=|v=|t=|a=(?:rtpmap|fmtp|rtcp-fb|extmap|mid|group|setup|ssrc-group|rid|simulcast|rtcp-mux(?:-only)?|rtcp-rsize|bundle-only"
    r"|extmap-allow-mixed|sendrecv|sendonly|recvonly|inactive|ice-lite|ice-options)(?![\w-])"
)
"""Lines that may be shown to people and logs. Others (candidates, passwords, cnames) may hold addresses or secrets."""


class SdpError(BridgeError):
    """An SDP that cannot be used. `line` counts from 1; None if the fault lies in no single line."""

    def __init__(
        self, message: str, *, line: int | None = None, text: str | None = None, hint: str | None = None
    ) -> None:
        if text is not None:
            message = f"{message}: {_excerpt(text)}"
        super().__init__("sdp_invalid", message, field=None if line is None else f"line {line}", hint=hint)
        self.line = line


def _excerpt(text: str) -> str:
    printable = "".join(character if character.isprintable() else "�" for character in text)
    if _SHOWABLE.match(printable):
        return printable if len(printable) <= _SHOWN_TEXT else printable[:_SHOWN_TEXT] + "…"
    name = re.match(r"[a-z]=(?:[a-z0-9-]{1,40}(?=:|$))?", printable)
    return "the line" if name is None else f"{name.group()}…"
