"""Holds what a client and the bridge say to each other against the protocol. Pure: texts in, findings out."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from bridge.conformance.report import Report
from bridge.signaling.websocket.decoding import BadMessageError, decode

_HARMLESS = frozenset({"stale_answer"})
"""Refusals that a client cannot help: a newer offer was on its way."""


class Watching:
    """The conversation of one client, over all its WebSockets."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._unanswered: dict[int, str] = {}
        self._offered: int | None = None
        """The negotiation that waits for its answer."""
        self._connected: set[str] = set()
        self.joined: dict[str, Any] | None = None
        """What the bridge answered to the newest join or resume."""
        self.room: dict[str, Any] = {}
        """What the bridge last told of the room as a whole."""
        self.sends_camera = False
        self.changed = asyncio.Event()
        """Set with whatever is said."""

    def opened(self, path: str) -> None:
        """A WebSocket was opened: what was not answered on the one before never will be."""
        self._unanswered.clear()
        self._offered = None
        if "token" in path or "eyJ" in path:
            self._report.failed("token_in_message", "The URL has a token in it, which ends up in logs.")

    def client_says(self, text: str | bytes, *, first: bool) -> None:
        """A message of the client."""
        self.changed.set()
        if isinstance(text, bytes):
            self._report.failed("valid_requests", "A binary frame came; messages are text frames.")
            return
        try:
            request = decode(text)
        except BadMessageError as error:
            self._report.failed("valid_requests", str(error))
            return
        kind = request.__struct_config__.tag
        self._report.passed("valid_requests")
        if first and kind not in ("join", "resume"):
            self._report.failed("first_message", f"It was {kind!r}.")
        elif first:
            self._report.passed("first_message")
            self._report.passed("token_in_message")
        if request.id in self._unanswered:
            self._report.failed("request_ids", f"{kind!r} has the number {request.id} of an unanswered request.")
        else:
            self._report.passed("request_ids")
        self._unanswered[request.id] = str(kind)
        if kind == "publish":
            self.sends_camera = any(each.source == "camera" for each in getattr(request, "sources", ()))
        elif kind == "answer_video_consent":
            self._report.passed("video_consent")
        elif kind == "subscribe_answer":
            negotiation = getattr(request, "negotiation", None)
            if self._offered is not None and negotiation != self._offered:
                self._report.failed("subscribe", f"Offer {self._offered} was answered as {negotiation}.")
            self._offered = None

    def answered(self, request_id: int) -> None:
        """A request was answered by the examination itself, in place of the bridge."""
        self._unanswered.pop(request_id, None)

    def bridge_says(self, text: str) -> None:
        """A message of the bridge."""
        self.changed.set()
        message = json.loads(text)
        kind, reply_to = message["type"], message.get("reply_to")
        asked = self._unanswered.pop(reply_to, None)
        if kind == "error" and asked is not None and message["code"] not in _HARMLESS:
            self._report.failed("accepted", f"{asked!r} was refused: {message['code']}: {message['message']}")
        elif asked is not None:
            self._report.passed("accepted")
        self.room = message.get("room", self.room)
        match kind:
            case "joined":
                self.joined = message
            case "subscribe_offer":
                self._offered = message["negotiation"]
            case "connection_state" if message["state"] == "connected":
                self._connected.add(message["connection"])
                if message["connection"] == "publish" or self._offered is None:
                    self._report.passed(message["connection"])
            case _:
                pass

    @property
    def waits_for_answer(self) -> bool:
        """Whether an offer of the bridge is not answered yet."""
        return self._offered is not None

    def stands(self, connection: str) -> bool:
        """Whether a peer connection of the client has stood."""
        return connection in self._connected
