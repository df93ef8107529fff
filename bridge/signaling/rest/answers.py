"""Answers in JSON."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

NO_STORE = {"Cache-Control": "no-store"}


def answer(body: Any, status: int = 200) -> Response:
    """What was asked for. It is of now, and nobody is to keep it."""
    return Response(msgspec.json.encode(body), status, NO_STORE, media_type="application/json")
