"""Invitations: the bridge's word that whoever holds a link may come into one room, in one role, for some minutes.

A link holds a secret code, of which the bridge keeps a keyed hash. Whoever opens it may have to sign in (an invitation
of a person) or to answer a question (a guest link), and the first browser that gets in is the only one.
"""

from __future__ import annotations

import secrets
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
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
    `invitation_unanswered`, `invitation_not_yours` (someone else signed in), `signin_required`,
    `too_many_invitations`, `level_below_minimum`, `invalid_invitation` (`field` names what is wrong).
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

    async def count_wrong_answer(self, invitation_id: str) -> int:
        """Counts one, and says how many are left; at none the invitation is void."""

    async def take(self, invitation_id: str, session: str) -> bool:
        """Whether it is this session's from now on: nobody took it before, or the same session did."""

    async def revoke(self, tenant: str, invitation_id: str) -> bool:
        """Forgets it. False if that vendor has none such."""


class InvitationsInMemory:
    """Invitations that end with the process, within bounds per vendor and in all."""

    def __init__(self, *, max_total: int = 50_000, max_per_tenant: int = 10_000) -> None:
        self._max_total = max_total
        self._max_per_tenant = max_per_tenant
        self._by_id: dict[str, Invitation] = {}
        self._by_code: dict[str, str] = {}
        self._by_room: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._of_tenant: Counter[str] = Counter()

    async def add(self, invitation: Invitation, now: float) -> None:
        """Keeps it."""
        if len(self._by_id) >= self._max_total or self._of_tenant[invitation.tenant] >= self._max_per_tenant:
            self._forget_expired(now)
        if len(self._by_id) >= self._max_total or self._of_tenant[invitation.tenant] >= self._max_per_tenant:
            raise InvitationError(
                "too_many_invitations",
                "There are as many open invitations as the bridge keeps.",
                hint="Revoke those that are not needed any more, or let them live shorter.",
            )
        self._by_id[invitation.id] = invitation
        self._by_code[invitation.code] = invitation.id
        self._by_room[invitation.tenant, invitation.room].add(invitation.id)
        self._of_tenant[invitation.tenant] += 1

    async def find_by_code(self, code: str, now: float) -> Invitation | None:
        """The one of that code."""
        return await self.find(self._by_code.get(code, ""), now)

    async def find(self, invitation_id: str, now: float) -> Invitation | None:
        """The one of that id."""
        invitation = self._by_id.get(invitation_id)
        return invitation if invitation is not None and _is_usable(invitation, now) else None

    async def find_for(self, tenant: str, room: str, role: str, who: frozenset[str], now: float) -> Invitation | None:
        """Any of them."""
        for invitation in (self._by_id[each] for each in self._by_room.get((tenant, room), ())):
            named = {invitation.person, invitation.professional}
            if invitation.role == role and not who.isdisjoint(named) and _is_usable(invitation, now):
                return invitation
        return None

    async def count_wrong_answer(self, invitation_id: str) -> int:
        """Counts one."""
        invitation = self._by_id.get(invitation_id)
        if invitation is None:
            return 0
        left = max(0, invitation.attempts_left - 1)
        self._by_id[invitation_id] = replace(invitation, attempts_left=left)
        return left

    async def take(self, invitation_id: str, session: str) -> bool:
        """Takes it."""
        invitation = self._by_id.get(invitation_id)
        if invitation is None or invitation.taken_by not in (None, session):
            return False
        self._by_id[invitation_id] = replace(invitation, taken_by=session)
        return True

    async def revoke(self, tenant: str, invitation_id: str) -> bool:
        """Forgets it."""
        invitation = self._by_id.get(invitation_id)
        if invitation is None or invitation.tenant != tenant:
            return False
        self._forget(invitation)
        return True

    def _forget_expired(self, now: float) -> None:
        for invitation in [each for each in self._by_id.values() if now >= each.expires_at]:
            self._forget(invitation)

    def _forget(self, invitation: Invitation) -> None:
        del self._by_id[invitation.id]
        del self._by_code[invitation.code]
        of_room = self._by_room[invitation.tenant, invitation.room]
        of_room.discard(invitation.id)
        if not of_room:
            del self._by_room[invitation.tenant, invitation.room]
        self._of_tenant[invitation.tenant] -= 1


def new_code() -> str:
    """The secret of a link."""
    return secrets.token_urlsafe(CODE_BYTES)


def _is_usable(invitation: Invitation, now: float) -> bool:
    return now < invitation.expires_at and invitation.attempts_left > 0
