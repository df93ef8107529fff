"""Browser sessions of operators: a small table on the server, found by a cookie that says nothing.

Whoever holds what is in the table holds no cookie: of those only hashes are kept. A session does not outlive the key
that it was opened by; that is for whoever looks the key up to see.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

MAX_SESSIONS = 200


@dataclass(slots=True)
class OperatorSession:
    """One browser. Times in seconds since the epoch."""

    hash: str = field(repr=False)
    """Of its cookie."""
    csrf: str = field(repr=False)
    """To be sent back in a header with whatever changes something."""
    key_id: str
    """Of the operator key that it was opened by."""
    created_at: float
    seen_at: float

    def check_csrf(self, given: str | None) -> bool:
        """Whether a request was made by our own page in this browser."""
        return given is not None and hmac.compare_digest(self.csrf.encode(), given.encode())


class OperatorSessions:
    """The table."""

    def __init__(self, *, idle: float, lifetime: float, clock: Callable[[], float] = time.time) -> None:
        """How long a session lasts in a browser that asks for nothing, and in all; in seconds."""
        self._idle = idle
        self._lifetime = lifetime
        self._clock = clock
        self._table: OrderedDict[str, OperatorSession] = OrderedDict()
        """The one seen longest ago first."""

    def open(self, key_id: str) -> tuple[str, OperatorSession]:
        """A new session and its cookie. When there are too many, the one seen longest ago ends."""
        cookie, now = secrets.token_urlsafe(32), self._clock()
        session = OperatorSession(_hash(cookie), secrets.token_urlsafe(24), key_id, now, now)
        self._table[session.hash] = session
        if len(self._table) > MAX_SESSIONS:
            self._table.popitem(last=False)
        return cookie, session

    def find(self, cookie: str | None) -> OperatorSession | None:
        """The session of that cookie, if it lives; it has been seen then."""
        session = self._table.get(_hash(cookie)) if cookie else None
        if session is None:
            return None
        now = self._clock()
        if now >= session.seen_at + self._idle or now >= session.created_at + self._lifetime:
            self.close(session)
            return None
        session.seen_at = now
        self._table.move_to_end(session.hash)
        return session

    def close(self, session: OperatorSession) -> None:
        """Ends it. Idempotent."""
        self._table.pop(session.hash, None)


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode(errors="surrogatepass")).hexdigest()
