"""Questions for consent that the examination asks a client as a bridge does. Pure: texts in, texts out.

The bridge behind the door hears of none of them: nothing is recorded, and nobody else in the room is asked.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

from bridge.conformance.report import Report
from bridge.signaling.websocket.decoding import BadMessageError, decode
from bridge.signaling.websocket.messages.acts import AnswerConsent, AnswerVideoConsent
from bridge.signaling.websocket.messages.parts import Request

TEXT_VERSION = "examination"
_OURS = "examination-"
"""What ids of its questions begin with."""


class Questions:
    """What the client is asked at the moment, and what it answered."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._asked: str | None = None
        self._numbers = itertools.count(1)
        self._video = False
        self.consents: bool | None = None
        """The answer to the question for a recording."""
        self.video_answered = False

    def ask(self, asked_by: str) -> str:
        """The message that asks for consent to another recording."""
        self._asked, self.consents = f"{_OURS}{next(self._numbers)}", None
        consent = {"id": self._asked, "text_version": TEXT_VERSION, "asked_by": asked_by, "consented": False}
        return json.dumps({"type": "consent_asked", "consent": consent})

    def take_back(self) -> None:
        """It is not asked for a recording any more: an answer comes too late."""
        self._asked = None

    def ask_for_video(self, asked: bool) -> None:
        """From now on an answer about video is one to the examination, or no longer."""
        self._video = asked

    def reply_to(self, text: str | bytes) -> tuple[int, str] | None:
        """The number of a request that answers the examination, and the reply; None for what is for the bridge."""
        request = _read(text)
        match request:
            case AnswerVideoConsent() if self._video:
                self.video_answered = True
                return request.id, _done(request.id)
            case AnswerConsent() if request.consent_id.startswith(_OURS):
                if request.consent_id != self._asked:
                    return request.id, _late(request.id)
                self.consents = request.consents
                return request.id, _done(request.id)
            case AnswerConsent() if self._asked is not None:
                self._report.failed("consent_asked", "It answered another question than the one that it was asked.")
            case _:
                pass
        return None


def room_changed(room: Mapping[str, Any], **changes: str | bool) -> str:
    """The message that tells what holds for the room, with what the examination pretends of it."""
    return json.dumps({"type": "room_changed", "room": {**room, **changes}})


def _read(text: str | bytes) -> Request | None:
    if isinstance(text, bytes):
        return None
    try:
        return decode(text)
    except BadMessageError:
        # The bridge says so.
        return None


def _done(request_id: int) -> str:
    return json.dumps({"type": "done", "reply_to": request_id})


def _late(request_id: int) -> str:
    message = "This consent is not asked for (any more)."
    return json.dumps({"type": "error", "code": "consent_not_asked", "message": message, "reply_to": request_id})
