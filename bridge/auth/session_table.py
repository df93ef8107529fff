"""A table of browser sessions on the server, each found by a cookie that says nothing.

Whoever holds what is in the table holds no cookie: of those only hashes are kept.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar


@dataclass(slots=True, kw_only=True)
class BrowserSession:
    """One browser. Times in seconds since the epoch."""

    key: str = field(repr=False)
    """Hash of its cookie."""
    csrf: str = field(repr=False, default_factory=lambda: secrets.token_urlsafe(24))
    """To be sent back in a header with whatever changes something."""
    created_at: float
    seen_at: float

    def check_csrf(self, given: str | None) -> bool:
        """Whether a request was made by our own page in this browser."""
        return given is not None and hmac.compare_digest(self.csrf.encode(), given.encode())


S = TypeVar("S", bound=BrowserSession)


class SessionTable(Generic[S]):
    """Ends what rests and what is old. Who opens sessions keeps it bounded."""

    def __init__(
        self,
        hash_cookie: Callable[[str], str],
        *,
        idle: float,
        lifetime: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """How long a session lasts in a browser that asks for nothing, and in all; in seconds."""
        self._hash = hash_cookie
        self._idle = idle
        self._lifetime = lifetime
        self._clock = clock
        self._table: OrderedDict[str, S] = OrderedDict()
        """The one seen longest ago first."""

    def __len__(self) -> int:
        return len(self._table)

    def find(self, cookie: str | None) -> S | None:
        """The session of that cookie, if it lives; it has been seen then."""
        session = self._table.get(self._hash(cookie)) if cookie else None
        if session is None:
            return None
        if not self._lives(session):
            self.close(session)
            return None
        session.seen_at = self._clock()
        self._table.move_to_end(session.key)
        return session

    def close(self, session: S) -> None:
        """Ends it. Idempotent."""
        self._table.pop(session.key, None)

    def _lives(self, session: S) -> bool:
        now = self._clock()
        return now < session.seen_at + self._idle and now < session.created_at + self._lifetime
