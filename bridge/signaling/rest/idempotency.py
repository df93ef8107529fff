"""Idempotency keys: a request that is sent again, because its answer was lost, does not happen twice.

Answers are kept in memory for a day, and so many at most of each tenant that the oldest go first. After a
restart of the bridge a repeated request counts as a new one.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response

from bridge.errors import BridgeError

KEPT_SECONDS = 86_400.0
MAX_KEPT = 1000
MAX_KEY_LENGTH = 255


@dataclass(slots=True)
class _Kept:
    fingerprint: bytes
    at: float
    answer: tuple[int, dict[str, str], bytes] | None = None


class Idempotency:
    """The answers to remember."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` is in seconds and never goes back."""
        self._clock = clock
        self._kept: dict[str, OrderedDict[str, _Kept]] = {}

    def begin(self, tenant: str, key: str, request: bytes) -> Response | None:
        """The answer that was given to this request before; None for one to be answered now.

        Raises `BridgeError`: `invalid_request`, `idempotency_key_reused`, `request_in_progress`.
        """
        if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isprintable():
            raise BridgeError(
                "invalid_request",
                f"An idempotency key has 1 to {MAX_KEY_LENGTH} printable characters.",
                field="Idempotency-Key",
            )
        kept = self._kept.setdefault(tenant, OrderedDict())
        now = self._clock()
        while kept and now - next(iter(kept.values())).at > KEPT_SECONDS:
            kept.popitem(last=False)
        fingerprint = hashlib.sha256(request).digest()
        known = kept.get(key)
        if known is None:
            if len(kept) >= MAX_KEPT:
                kept.popitem(last=False)
            kept[key] = _Kept(fingerprint, now)
            return None
        if known.fingerprint != fingerprint:
            raise BridgeError(
                "idempotency_key_reused",
                "This key came with another request before.",
                field="Idempotency-Key",
                hint="Each request has a key of its own.",
            )
        if known.answer is None:
            raise BridgeError("request_in_progress", "The same request is being answered.", field="Idempotency-Key")
        status, headers, body = known.answer
        return Response(body, status, {**headers, "Idempotent-Replayed": "true"})

    def end(self, tenant: str, key: str, response: Response | None) -> None:
        """Remembers the answer; None for a request that was refused and may be tried again."""
        kept = self._kept[tenant]
        if key not in kept:
            return
        if response is None:
            del kept[key]
        else:
            headers = {name: text for name, text in response.headers.items() if name != "content-length"}
            kept[key].answer = response.status_code, headers, bytes(response.body)
