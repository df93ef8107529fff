"""Puts together what the REST API stands on: tokens signed in the bridge's own name, and acts in the audit log."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

from bridge.audit import AuditLog, Entry
from bridge.auth import TokenError, TokenVerifier
from bridge.auth.admission import Minter
from bridge.errors import BridgeError

_ASKED_AS = {"sub": "identity", "exp": "ttl"}
"""What vendors ask for by other words than those of the claims that it becomes."""


class VendorTokens:
    """`TokenMinter` of the REST API."""

    def __init__(self, minter: Minter, verifier: TokenVerifier, *, clock: Callable[[], float] = time.time) -> None:
        self._minter = minter
        self._verifier = verifier
        self._clock = clock

    async def mint_join_token(
        self,
        tenant: str,
        room: str,
        *,
        identity: str,
        role: str,
        ttl: float,
        name: str | None,
        grants: Collection[str] | None,
        enters: str | None,
        level: str | None,
        video_consent: bool,
        consent_by: str | None,
    ) -> tuple[str, float]:
        """A token that lets in now, and when it ends. Raises `BridgeError` (`invalid_request`)."""
        now = self._clock()
        token = self._minter.mint_for_vendor(
            tenant=tenant,
            room=room,
            role=role,
            identity=identity,
            now=now,
            ttl=ttl,
            name=name,
            grants=grants,
            enters=enters,
            level=level,
            video_consent=video_consent,
            consent_by=consent_by,
        )
        try:
            await self._verifier.verify(token, room=room)
        except TokenError as error:
            # Better refused here, where the vendor reads why, than at the door.
            field = None if error.field is None else _ASKED_AS.get(error.field, error.field)
            raise BridgeError("invalid_request", error.message, field=field, hint=error.hint) from None
        return token, now + ttl


class AuditedActs:
    """`Auditor` of the REST API."""

    def __init__(self, log: AuditLog, pseudonym: Callable[[str, str], str]) -> None:
        """`pseudonym(tenant, identity)` stands in for an identity."""
        self._log = log
        self._pseudonym = pseudonym

    async def record(
        self, kind: str, *, tenant: str, room: str, actor: str, identity: str | None, details: Mapping[str, str]
    ) -> None:
        """Returns when it is on disk. Raises `AuditError`."""
        subject = "" if identity is None else self._pseudonym(tenant, identity)
        await self._log.confirm(Entry(kind, tenant, room, actor, subject, details))
