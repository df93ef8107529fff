"""Browser sessions of operators.

One does not outlive the key that it was opened by; that is for whoever looks the key up to see. Whoever has
signed in at a provider stays who they were then, until the session ends.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bridge.auth.operators import Operator
from bridge.auth.session_table import BrowserSession, SessionTable

MAX_SESSIONS = 200


@dataclass(slots=True, kw_only=True)
class OperatorSession(BrowserSession):
    """One browser."""

    key_id: str = ""
    """Of the operator key that it was opened by, if it was."""
    operator: Operator | None = None
    """Who has signed in at a provider."""
    provider: str = ""
    """Where."""
    sid: str | None = field(default=None, repr=False)
    """The provider's own session."""


class OperatorSessions(SessionTable[OperatorSession]):
    """The table."""

    def __init__(self, *, idle: float, lifetime: float, clock: Callable[[], float] = time.time) -> None:
        """See `SessionTable`."""
        super().__init__(_hash, idle=idle, lifetime=lifetime, clock=clock)

    def open(self, key_id: str) -> tuple[str, OperatorSession]:
        """A new session and its cookie, by a key. When there are too many, the one seen longest ago ends."""
        return self._add(key_id=key_id)

    def open_for(self, operator: Operator, *, provider: str, sid: str | None) -> tuple[str, OperatorSession]:
        """The same, for somebody who has signed in at a provider."""
        return self._add(operator=operator, provider=provider, sid=sid)

    def close_at(self, provider: str, sid: str) -> list[OperatorSession]:
        """Ends those of one session at a provider (Front-Channel Logout 1.0), and says which those were."""
        ended = [each for each in self._table.values() if (each.provider, each.sid) == (provider, sid)]
        for session in ended:
            self.close(session)
        return ended

    def _add(self, **who: Any) -> tuple[str, OperatorSession]:
        cookie, now = secrets.token_urlsafe(32), self._clock()
        session = OperatorSession(key=self._hash(cookie), created_at=now, seen_at=now, **who)
        self._table[session.key] = session
        if len(self._table) > MAX_SESSIONS:
            self._table.popitem(last=False)
        return cookie, session


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode(errors="surrogatepass")).hexdigest()
