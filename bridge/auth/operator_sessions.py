"""Browser sessions of operators.

One does not outlive the key that it was opened by; that is for whoever looks the key up to see.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from bridge.auth.session_table import BrowserSession, SessionTable

MAX_SESSIONS = 200


@dataclass(slots=True, kw_only=True)
class OperatorSession(BrowserSession):
    """One browser."""

    key_id: str
    """Of the operator key that it was opened by."""


class OperatorSessions(SessionTable[OperatorSession]):
    """The table."""

    def __init__(self, *, idle: float, lifetime: float, clock: Callable[[], float] = time.time) -> None:
        """See `SessionTable`."""
        super().__init__(_hash, idle=idle, lifetime=lifetime, clock=clock)

    def open(self, key_id: str) -> tuple[str, OperatorSession]:
        """A new session and its cookie. When there are too many, the one seen longest ago ends."""
        cookie, now = secrets.token_urlsafe(32), self._clock()
        session = OperatorSession(key=self._hash(cookie), created_at=now, seen_at=now, key_id=key_id)
        self._table[session.key] = session
        if len(self._table) > MAX_SESSIONS:
            self._table.popitem(last=False)
        return cookie, session


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode(errors="surrogatepass")).hexdigest()
