"""Puts together what makes links for those in a call: invitations that must be let in, with a trace in the log."""

from __future__ import annotations

import time
from collections.abc import Callable

from bridge.audit import AuditLog, Entry
from bridge.auth.admission import Admission, InvitationRequest
from bridge.auth.invitations import Invitation, InvitationError
from bridge.auth.levels import Level
from bridge.errors import BridgeError
from bridge.signaling.calls import Invited


class CallInviter:
    """`Inviter` of the calls."""

    def __init__(
        self,
        admission: Admission,
        log: AuditLog,
        pseudonym: Callable[[str, str], str],
        reaches: Callable[[Level], bool],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`pseudonym(tenant, identity)` stands in for an identity; `clock` is that of `admission`.

        `reaches`: whether anybody who has a link can sign in as surely as that.
        """
        self._admission = admission
        self._log = log
        self._pseudonym = pseudonym
        self._reaches = reaches
        self._clock = clock

    async def invite(
        self, tenant: str, room: str, *, role: str, name: str, minutes: int, host: str, identity: str
    ) -> Invited:
        """A link for one person, who waits whatever the role: a host has the last word. Raises `BridgeError`."""
        level = self._admission.minimum(tenant, room, role)
        if not self._reaches(level):
            raise InvitationError(
                "signin_impossible",
                f"The role takes a sign-in at the level {level.word!r}, and nobody can sign in so at this bridge.",
                field="role",
                hint="The vendor's own system may sign them in, and sign a join token.",
            )
        request = InvitationRequest(room=room, role=role, lifetime=minutes * 60.0, name=name, enters="lobby")
        made, code = await self._admission.invite(tenant, request, made_by=f"host:{host}")
        try:
            await self._record("invitation_created", made, host, identity)
        except BridgeError:
            # Without a trace there is no link.
            await self._admission.revoke(tenant, made.id)
            raise
        return Invited(made.id, code, made.role, made.level.word, made.expires_at - self._clock())

    async def revoke(self, tenant: str, room: str, invitation_id: str, *, host: str, identity: str) -> None:
        """Takes one back. Raises `BridgeError`."""
        found = await self._admission.find_of(tenant, invitation_id)
        await self._record("invitation_revoked", found, host, identity)
        await self._admission.revoke(tenant, invitation_id)

    async def _record(self, kind: str, invitation: Invitation, host: str, identity: str) -> None:
        await self._log.confirm(
            Entry(
                kind,
                invitation.tenant,
                invitation.room,
                actor=self._pseudonym(invitation.tenant, identity),
                subject=self._pseudonym(invitation.tenant, invitation.identity),
                details={
                    "invitation": invitation.id,
                    "role": invitation.role,
                    "level": invitation.level.word,
                    "by": host,
                },
            )
        )
