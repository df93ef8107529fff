"""Browser sessions of those who sign in: a bounded table on the server, found by a cookie that says nothing.

A session ends when it rests, when it is old, when the person signs out, or when their provider says that they did.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.auth.oidc import PendingSignIn, SignedIn, SignInError

MAX_PENDING = 4
"""Sign-ins under way in one browser, as in several tabs; the oldest gives way."""


@dataclass(slots=True)
class Session:
    """One browser. Times in seconds since the epoch."""

    id: str = field(repr=False)
    """Stays the same for its whole life, and is never told to anyone."""
    key: str = field(repr=False)
    """Keyed hash of its cookie."""
    csrf: str = field(repr=False)
    """To be sent back in a header with whatever changes something."""
    created_at: float
    seen_at: float
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

    def check_csrf(self, given: str | None) -> bool:
        """Whether a request was made by our own page in this browser."""
        return given is not None and hmac.compare_digest(self.csrf.encode(), given.encode())


class Sessions:
    """The table. `hash_cookie` keeps whoever sees the table from using what is in it."""

    def __init__(
        self,
        hash_cookie: Callable[[str], str],
        *,
        idle: float,
        lifetime: float,
        max_sessions: int = 20_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._hash = hash_cookie
        self._idle = idle
        self._lifetime = lifetime
        self._max = max_sessions
        self._clock = clock
        self._table: OrderedDict[str, Session] = OrderedDict()
        """The one seen longest ago first."""

    def __len__(self) -> int:
        return len(self._table)

    def open(self) -> tuple[str, Session]:
        """A new session and its cookie.

        Raises `SignInError` (`signin_busy`) when the table is full of people who have signed in.
        """
        self._make_room()
        cookie = secrets.token_urlsafe(32)
        now = self._clock()
        session = Session(secrets.token_urlsafe(16), self._hash(cookie), secrets.token_urlsafe(24), now, now)
        self._table[session.key] = session
        return cookie, session

    def find(self, cookie: str | None) -> Session | None:
        """The session of that cookie, if it lives."""
        session = self._table.get(self._hash(cookie)) if cookie else None
        if session is None:
            return None
        if not self._lives(session):
            del self._table[session.key]
            return None
        session.seen_at = self._clock()
        self._table.move_to_end(session.key)
        return session

    def renew(self, session: Session) -> str:
        """A new cookie for it: one that somebody may have planted before the sign-in is worth nothing after it."""
        cookie = secrets.token_urlsafe(32)
        del self._table[session.key]
        session.key, session.csrf = self._hash(cookie), secrets.token_urlsafe(24)
        self._table[session.key] = session
        return cookie

    def close(self, session: Session) -> None:
        """Ends it. Idempotent."""
        self._table.pop(session.key, None)

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

    def _lives(self, session: Session) -> bool:
        now = self._clock()
        return now < session.seen_at + self._idle and now < session.created_at + self._lifetime

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
