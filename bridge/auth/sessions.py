"""Browser sessions of those who sign in: a bounded table on the server, found by a cookie that says nothing.

A session ends when it rests, when it is old, when the person signs out, or when their provider says that they did.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.auth.oidc import PendingSignIn, SignedIn, SignInError
from bridge.auth.session_table import BrowserSession, SessionTable

MAX_PENDING = 4
"""Sign-ins under way in one browser, as in several tabs; the oldest gives way."""


@dataclass(slots=True, kw_only=True)
class Session(BrowserSession):
    """One browser."""

    id: str = field(repr=False, default_factory=lambda: secrets.token_urlsafe(16))
    """Stays the same for its whole life, and is never told to anyone."""
    pending: OrderedDict[str, PendingSignIn] = field(default_factory=OrderedDict, repr=False)
    """By `state`."""
    signed_in: SignedIn | None = field(default=None, repr=False)
    step_up: bool = False
    """Whether the last sign-in was at too low a level, so that the next has to be made anew."""
    invitation: str | None = None
    """Id of the invitation whose link it opened."""
    answered: bool = False
    """Whether its question was answered rightly."""

    def add_pending(self, pending: PendingSignIn) -> None:
        """Notes a sign-in under way."""
        while len(self.pending) >= MAX_PENDING:
            self.pending.popitem(last=False)
        self.pending[pending.state] = pending


class Sessions(SessionTable[Session]):
    """The table."""

    def __init__(
        self,
        hash_cookie: Callable[[str], str],
        *,
        idle: float,
        lifetime: float,
        max_sessions: int = 20_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`hash_cookie` is keyed. For the rest see `SessionTable`."""
        super().__init__(hash_cookie, idle=idle, lifetime=lifetime, clock=clock)
        self._max = max_sessions

    def open(self) -> tuple[str, Session]:
        """A new session and its cookie.

        Raises `SignInError` (`signin_busy`) when the table is full of people who have signed in.
        """
        self._make_room()
        cookie, now = secrets.token_urlsafe(32), self._clock()
        session = Session(key=self._hash(cookie), created_at=now, seen_at=now)
        self._table[session.key] = session
        return cookie, session

    def renew(self, session: Session) -> str:
        """A new cookie for it: one that somebody may have planted before the sign-in is worth nothing after it."""
        cookie = secrets.token_urlsafe(32)
        del self._table[session.key]
        session.key, session.csrf = self._hash(cookie), secrets.token_urlsafe(24)
        self._table[session.key] = session
        return cookie

    def close_at(self, provider: str, sid: str) -> int:
        """Ends those of one session at a provider (Front-Channel Logout 1.0); says how many there were."""
        ended = [
            session
            for session in self._table.values()
            if session.signed_in is not None and (session.signed_in.provider, session.signed_in.sid) == (provider, sid)
        ]
        for session in ended:
            self.close(session)
        return len(ended)

    def _make_room(self) -> None:
        while self._table and not self._lives(next(iter(self._table.values()))):
            self._table.popitem(last=False)
        if len(self._table) < self._max:
            return
        # Whoever only opened a link gives way to whoever comes; whoever has signed in does not.
        idle = next((session for session in self._table.values() if session.signed_in is None), None)
        if idle is None:
            raise SignInError("signin_busy", "Too many people are signed in.", hint="Try again in a few minutes.")
        self.close(idle)
