"""From an invitation to a join token: who may have one, at what level, and what it says."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from bridge.auth.invitations import MAX_CODE_LENGTH, Invitation, InvitationError, InvitationStore, Question, new_code
from bridge.auth.levels import Level
from bridge.auth.minting import mint
from bridge.auth.oidc import SignedIn, level_too_low
from bridge.auth.pseudonyms import Pseudonyms
from bridge.errors import BridgeError
from bridge.plain_text import is_plain

MAX_LIFETIME = 7 * 86_400.0
"""Seconds from now until an invitation ends at most."""
MAX_ANSWER_LENGTH = 200
UNINVITED_BAN = 43_200.0
"""Seconds for which a host keeps out who came without an invitation."""
_BIRTH_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class LevelPolicy(Protocol):
    """What sign-in a room and a role take."""

    def minimum(self, tenant: str, room: str, role: str) -> Level:
        """The lowest level that is let in."""


@dataclass(frozen=True, slots=True)
class InvitationRequest:
    """What a vendor asks for. Durations in seconds."""

    room: str
    role: str
    lifetime: float
    opens_in: float = 0.0
    identity: str | None = field(default=None, repr=False)
    name: str = field(default="", repr=False)
    level: Level | None = None
    """None for what the room and the role take."""
    person: str | None = field(default=None, repr=False)
    """A national identity number, turned into a pseudonym at once."""
    professional: str | None = field(default=None, repr=False)
    question: Question | None = None
    answer: str | None = field(default=None, repr=False)
    enters: str | None = None
    """"lobby" for somebody who has to be let in whatever the role."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A join token, and until when it can be used (seconds since the epoch)."""

    token: str = field(repr=False)
    room: str
    role: str
    level: Level
    identity: str = field(repr=False)
    expires_at: float


class Minter:
    """Signs join tokens in the bridge's own name, one issuer for each tenant."""

    def __init__(self, secret: bytes, audience: str, ttl: float) -> None:
        self._secret = secret
        self._audience = audience
        self._ttl = ttl

    @staticmethod
    def issuer_of(tenant: str) -> str:
        """The `iss` of tokens that open that tenant's rooms."""
        return f"urn:bridge:signin:{tenant}"

    def mint(
        self,
        *,
        tenant: str,
        room: str,
        role: str,
        identity: str,
        name: str,
        level: Level,
        token_id: str,
        now: float,
        until: float,
        enters: str | None = None,
    ) -> Admitted:
        """A token that lives minutes, and can be had anew, with the same `jti`, `until` then."""
        expires_at = min(now + self._ttl, until)
        token = mint(
            self._secret,
            issuer=self.issuer_of(tenant),
            audience=self._audience,
            room=room,
            identity=identity,
            role=role,
            name=name or None,
            level=level.word,
            token_id=token_id,
            renewable_until=until,
            enters=enters,
            issued_at=now,
            ttl=expires_at - now,
        )
        return Admitted(token, room, role, level, identity, expires_at)

    def mint_for_vendor(
        self,
        *,
        tenant: str,
        room: str,
        role: str,
        identity: str,
        now: float,
        ttl: float,
        name: str | None,
        grants: Collection[str] | None,
        enters: str | None,
        level: str | None,
        video_consent: bool,
        consent_by: str | None,
    ) -> str:
        """A token as its vendor asks for it, which has yet to be held against what tokens may say."""
        return mint(
            self._secret,
            issuer=self.issuer_of(tenant),
            audience=self._audience,
            room=room,
            identity=identity,
            role=role,
            issued_at=now,
            ttl=ttl,
            name=name,
            grants=grants,
            enters=enters,
            level=level,
            video_consent=video_consent,
            consent_by=consent_by,
        )


class Admission:
    """Makes invitations, and tokens of them. Times in seconds since the epoch."""

    def __init__(
        self,
        invitations: InvitationStore,
        levels: LevelPolicy,
        minter: Minter,
        pseudonyms: Pseudonyms,
        roles: Collection[str],
        *,
        served: Collection[str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`served`: the tenants whose links lead anywhere; None for all of them."""
        self._served = served
        self._invitations = invitations
        self._levels = levels
        self._minter = minter
        self._pseudonyms = pseudonyms
        self._roles = roles
        self._clock = clock

    def minimum(self, tenant: str, room: str, role: str) -> Level:
        """The lowest sign-in that a room takes of a role. Raises `InvitationError` where there is no such role."""
        if role not in self._roles:
            raise _invalid(
                "role", "The bridge has no such role.", hint=f"Roles here are: {', '.join(sorted(self._roles))}."
            )
        return self._levels.minimum(tenant, room, role)

    async def invite(self, tenant: str, request: InvitationRequest, *, made_by: str) -> tuple[Invitation, str]:
        """An invitation and the secret code of its link, which is told this once. Raises `InvitationError`.

        `made_by`: who makes it, as the audit log calls them.
        """
        now = self._clock()
        minimum = self.minimum(tenant, request.room, request.role)
        level = minimum if request.level is None else request.level
        if level < minimum:
            raise InvitationError(
                "level_below_minimum",
                f"The role and the room take a sign-in at the level {minimum.word!r}.",
                field="level",
                hint="Leave it out, or ask the bridge's operator.",
            )
        _check(request, level)
        code = new_code()
        invitation = Invitation(
            id=secrets.token_urlsafe(12),
            code=self._pseudonyms.code(code),
            tenant=tenant,
            room=request.room,
            role=request.role,
            identity=request.identity or f"invited-{secrets.token_urlsafe(12)}",
            name=request.name,
            level=level,
            opens_at=now + request.opens_in,
            expires_at=now + request.lifetime,
            person=None if request.person is None else self._pseudonyms.person(request.person),
            professional=None if request.professional is None else self._pseudonyms.professional(request.professional),
            question=request.question,
            enters=request.enters,
            made_by=made_by,
            made_at=now,
        )
        if request.answer is not None:
            invitation = replace(invitation, answer=self._pseudonyms.answer(invitation.id, request.answer))
        await self._invitations.add(invitation, now)
        return invitation, code

    async def revoke(self, tenant: str, invitation_id: str) -> None:
        """Ends an invitation; who is in the room stays. Raises `InvitationError`."""
        if not await self._invitations.revoke(tenant, invitation_id):
            raise not_found()

    async def find_of(self, tenant: str, invitation_id: str) -> Invitation:
        """A vendor's invitation of that id. Raises `InvitationError`."""
        found = await self.find(invitation_id)
        if found.tenant != tenant:
            raise not_found()
        return found

    async def list_of(
        self, tenant: str, room: str | None, after: tuple[float, str], limit: int
    ) -> Sequence[Invitation]:
        """A vendor's invitations that can still be used; see `InvitationStore.list_of`. Raises `InvitationError`."""
        return await self._invitations.list_of(tenant, room, after, limit, self._clock())

    async def open(self, code: str) -> Invitation:
        """The invitation of a link. Raises `InvitationError`."""
        found = None
        if len(code) <= MAX_CODE_LENGTH:
            found = await self._invitations.find_by_code(self._pseudonyms.code(code), self._clock())
        return self._of_served(found)

    async def find(self, invitation_id: str) -> Invitation:
        """The invitation of that id. Raises `InvitationError`."""
        return self._of_served(await self._invitations.find(invitation_id, self._clock()))

    def _of_served(self, found: Invitation | None) -> Invitation:
        # Of a vendor who left, it would lead through sign-in to a token that no door believes.
        if found is None or (self._served is not None and found.tenant not in self._served):
            raise not_found()
        return found

    async def find_for(self, tenant: str, room: str, who: SignedIn, role: str) -> Invitation | None:
        """The one for this person in that room and role, if there is one."""
        pseudonyms = frozenset(each for each in (who.person, who.professional) if each is not None)
        return await self._invitations.find_for(tenant, room, role, pseudonyms, self._clock())

    async def answer(self, invitation: Invitation, answer: str) -> None:
        """Holds an answer against the right one. Raises `InvitationError`; each wrong answer counts."""
        if invitation.answer is None:
            return
        left = await self._invitations.begin_answer(invitation.id)
        if left is None:
            raise not_found()
        given = self._pseudonyms.answer(invitation.id, answer[:MAX_ANSWER_LENGTH])
        if secrets.compare_digest(given, invitation.answer):
            await self._invitations.give_back_attempt(invitation.id)
            return
        if not left:
            raise InvitationError(
                "invitation_void",
                "That is not the answer that goes with this link either, and the link is void now.",
                field="answer",
                hint="Ask whoever sent it for a new one.",
            )
        raise InvitationError(
            "invitation_wrong_answer",
            "That is not the answer that goes with this link.",
            field="answer",
            hint=f"Attempts left: {left}.",
        )

    def needed(self, invitation: Invitation) -> Level:
        """The sign-in that it takes: the settings may ask for more than when it was made."""
        return max(invitation.level, self._levels.minimum(invitation.tenant, invitation.room, invitation.role))

    def missing(self, invitation: Invitation, who: SignedIn | None, *, answered: bool) -> str | None:
        """The code of what `admit` would refuse for, of what the person can do something about; None for nothing."""
        if invitation.question is not None and not answered:
            return "invitation_unanswered"
        try:
            check_person(invitation, who, self.needed(invitation))
        except BridgeError as refusal:
            return refusal.code
        return None

    async def admit(self, invitation: Invitation, session: str, who: SignedIn | None, *, answered: bool) -> Admitted:
        """A join token for whoever holds the invitation. Raises `InvitationError` or `SignInError`."""
        now = self._clock()
        if now < invitation.opens_at:
            raise InvitationError(
                "invitation_not_open_yet",
                "The room is not open yet.",
                hint=f"It opens in {max(1, round((invitation.opens_at - now) / 60))} minutes.",
            )
        if invitation.question is not None and not answered:
            raise InvitationError("invitation_unanswered", "The link's question has to be answered first.")
        check_person(invitation, who, self.needed(invitation))
        if not await self._invitations.take(invitation.id, session):
            raise InvitationError(
                "invitation_used",
                "The link has been used in another browser.",
                hint="Ask whoever sent it for a new one.",
            )
        return self._minter.mint(
            tenant=invitation.tenant,
            room=invitation.room,
            role=invitation.role,
            identity=invitation.identity,
            name=invitation.name or ("" if who is None else who.name),
            level=Level.NONE if who is None else who.level,
            token_id=invitation.id,
            now=now,
            until=invitation.expires_at,
            enters=invitation.enters,
        )

    def admit_uninvited(self, tenant: str, room: str, role: str, who: SignedIn) -> Admitted:
        """A join token for somebody whose portal vouches for their role. Raises `SignInError`."""
        if who.level < (needed := self._levels.minimum(tenant, room, role)):
            raise level_too_low(needed)
        now = self._clock()
        return self._minter.mint(
            tenant=tenant,
            room=room,
            role=role,
            # Another one at each vendor, so that no two find out together that they had the same person.
            identity=self._pseudonyms.subject(tenant, who.subject),
            name=who.name,
            level=who.level,
            # The same whenever this person comes by this portal: who is removed stays out.
            token_id=self._pseudonyms.subject(room, who.subject),
            now=now,
            until=now + UNINVITED_BAN,
        )


def check_person(invitation: Invitation, who: SignedIn | None, needed: Level) -> None:
    """Whether a sign-in is enough and the right person's. Raises `InvitationError` or `SignInError`."""
    named = {each for each in (invitation.person, invitation.professional) if each is not None}
    if who is None:
        if needed > Level.NONE or named:
            raise InvitationError("signin_required", "This link takes a sign-in.", hint="Sign in first.")
        return
    if named.isdisjoint({who.person, who.professional}) and named:
        raise InvitationError(
            "invitation_not_yours",
            "This link is for someone else than who has signed in.",
            hint="Sign out and sign in as whom it was sent to.",
        )
    if who.level < needed:
        raise level_too_low(needed)


def not_found() -> InvitationError:
    """Not told apart from one that has expired, so that nobody learns which there were."""
    return InvitationError(
        "invitation_not_found",
        "There is no such link, or it has expired.",
        hint="Ask whoever sent it for a new one.",
    )


def _invalid(field: str, message: str, hint: str | None = None) -> InvitationError:
    return InvitationError("invalid_invitation", message, field=field, hint=hint)


def _check(request: InvitationRequest, level: Level) -> None:
    if not 0 < request.lifetime <= MAX_LIFETIME:
        raise _invalid("lifetime", f"It is more than 0 and at most {MAX_LIFETIME:.0f} seconds.")
    if not 0 <= request.opens_in < request.lifetime:
        raise _invalid("opens_in", "It is 0 or more, and less than `lifetime`.")
    for place, value in (("identity", request.identity), ("name", request.name)):
        if value is not None and not is_plain(value, joiners=place == "name"):
            raise _invalid(place, "It holds line ends, tabs, or characters that change the direction of writing.")
    if (request.question is None) != (request.answer is None):
        raise _invalid("answer", "A question and its answer go together.")
    if request.question == "birth_date" and not _BIRTH_DATE.fullmatch(request.answer or ""):
        raise _invalid("answer", "A birth date is written as 1990-12-31.")
    if level is Level.NONE and (request.person is not None or request.professional is not None):
        raise _invalid("level", "Only who signs in can be held against a number, so the level cannot be 'none'.")
