"""Invitations: the bridge's word that whoever holds a link may come into one room, in one role, for some minutes.

A link holds a secret code, of which the bridge keeps a keyed hash. Whoever opens it may have to sign in (an invitation
of a person) or to answer a question (a guest link), and the first browser that gets in is the only one.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from bridge.auth.levels import Level
from bridge.errors import BridgeError

MAX_ATTEMPTS = 5
"""Wrong answers, after which an invitation is void: birth dates can be guessed."""
CODE_BYTES = 12
"""96 bits, 16 characters: short enough for a text message, and out of reach for whoever guesses."""
MAX_CODE_LENGTH = 64

Question = Literal["name", "birth_date"]


class InvitationError(BridgeError):
    """An invitation cannot be used, or be made.

    Codes: `invitation_not_found` (none such, expired, revoked, or void after too many wrong answers; which is not
    told), `invitation_not_open_yet`, `invitation_used` (by another browser), `invitation_wrong_answer`,
    `invitation_void` (by the last wrong answer that it takes), `invitation_unanswered`, `invitation_not_yours`
    (someone else signed in), `signin_required`, `too_many_invitations`, `level_below_minimum`, `invalid_invitation`
    (`field` names what is wrong), `invitations_unavailable` (the bridge cannot read or write them at the moment).
    """


@dataclass(frozen=True, slots=True)
class Invitation:
    """One person's way into one room. Times in seconds since the epoch."""

    id: str
    """Names it to the vendor; opens nothing."""
    code: str = field(repr=False)
    """Keyed hash of the secret in the link."""
    tenant: str
    room: str
    role: str
    identity: str = field(repr=False)
    """`sub` of the join token."""
    name: str = field(repr=False)
    """Shown to the others; empty to show the one that the provider tells, if it does."""
    level: Level
    """The sign-in that it takes; NONE for a guest link."""
    opens_at: float
    expires_at: float
    person: str | None = field(default=None, repr=False)
    """Pseudonym of the national identity number of whom it is for; None for whoever signs in."""
    professional: str | None = field(default=None, repr=False)
    """The same of a number in the register of health personnel."""
    question: Question | None = None
    answer: str | None = field(default=None, repr=False)
    """Keyed hash of the right answer."""
    attempts_left: int = MAX_ATTEMPTS
    taken_by: str | None = field(default=None, repr=False)
    """Id of the browser session that it let in."""
    enters: str | None = None
    """"lobby" for one that has to be let in whatever the role; None for as the role does."""
    made_by: str = ""
    """Who made it, as the audit log calls them: "vendor", "api:…", or "host:" and a participant's id."""
    made_at: float = 0.0


class InvitationStore(Protocol):
    """Where invitations are kept. Each call is atomic; `now` is in seconds since the epoch."""

    async def add(self, invitation: Invitation, now: float) -> None:
        """Keeps it until it expires. Raises `InvitationError` (`too_many_invitations`) when there is no room."""

    async def find_by_code(self, code: str, now: float) -> Invitation | None:
        """The one whose link holds what this is the keyed hash of."""

    async def find(self, invitation_id: str, now: float) -> Invitation | None:
        """The one of that id."""

    async def find_for(self, tenant: str, room: str, role: str, who: frozenset[str], now: float) -> Invitation | None:
        """One for somebody with one of these pseudonyms, as `person` or `professional`, in that room and role."""

    async def list_of(
        self, tenant: str, room: str | None, after: tuple[float, str], limit: int, now: float
    ) -> Sequence[Invitation]:
        """A vendor's, those of one room if one is given, by `made_at` and id, from behind `after` on."""

    async def begin_answer(self, invitation_id: str) -> int | None:
        """Takes an attempt, before anybody looks at the answer: so many at once are no more attempts than one by one.

        How many are left behind it; at none the invitation is void unless the answer is right. None if it was void.
        """

    async def give_back_attempt(self, invitation_id: str) -> None:
        """The answer was right."""

    async def take(self, invitation_id: str, session: str) -> bool:
        """Whether it is this session's from now on: nobody took it before, or the same session did."""

    async def revoke(self, tenant: str, invitation_id: str) -> bool:
        """Forgets it. False if that vendor has none such."""


def new_code() -> str:
    """The secret of a link."""
    return secrets.token_urlsafe(CODE_BYTES)
