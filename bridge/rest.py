"""Puts together what vendors' servers have: tokens signed in the bridge's own name, acts in the audit log, webhooks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping

from bridge.audit import AuditLog, Entry
from bridge.auth import TokenError, TokenVerifier
from bridge.auth.admission import Minter
from bridge.configuration import SettingsError
from bridge.errors import BridgeError
from bridge.settings import WebhookSettings
from bridge.webhooks import Endpoint, read_secret

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


def webhook_endpoints(settings: WebhookSettings) -> list[Endpoint]:
    """The vendors' endpoints with their secrets. Raises `SettingsError`, which names what cannot be used."""
    endpoints: dict[str, Endpoint] = {}
    for index, each in enumerate(settings.endpoints):
        place = f"webhooks.endpoints[{index}]"
        if each.tenant in endpoints:
            raise SettingsError("invalid_setting", "Two endpoints are of this tenant.", field=f"{place}.tenant")
        if (each.secret_file is None) == (each.secret_env is None):
            raise SettingsError(
                "invalid_setting", "An endpoint has exactly one of secret_file and secret_env.", field=place
            )
        try:
            if each.secret_file is not None:
                text = each.secret_file.read_text(encoding="ascii").strip()
            else:
                text = os.environ.get(each.secret_env or "", "")
            endpoints[each.tenant] = Endpoint(each.tenant, each.url, read_secret(text))
        except OSError as error:
            raise SettingsError("invalid_setting", f"{error.filename}: {error.strerror}", field=place) from None
        except UnicodeDecodeError:
            raise SettingsError("invalid_setting", "The secret is no text in ASCII.", field=place) from None
        except ValueError as error:
            raise SettingsError("invalid_setting", f"Unusable: {error}.", field=place) from None
    return list(endpoints.values())
