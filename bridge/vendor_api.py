"""Puts together what the vendors' API needs: who may use it, and join tokens for the rooms of those who do."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bridge.auth import TokenError, TokenVerifier
from bridge.auth.admission import Minter
from bridge.auth.api_keys import ApiKeyAuthenticator, ApiKeyFile
from bridge.auth.levels import Level
from bridge.auth.vendors import VendorAuthenticator
from bridge.configuration import SettingsError
from bridge.errors import BridgeError
from bridge.settings import Settings
from bridge.signaling.rest.resources import Token, TokenRequest
from bridge.signin import tenants

_FIELDS = {"sub": "identity", "name": "name", "role": "role", "room": "room"}
"""What the request calls the claims."""


def api_authenticator(settings: Settings, vendors: VendorAuthenticator, *, development: bool) -> ApiKeyAuthenticator:
    """Knows vendors by API keys of the data directory, and by what their servers sign."""
    known = frozenset(tenants(settings, development=development))
    return ApiKeyAuthenticator(ApiKeyFile(settings.data.directory), known, vendors)


def create_api_key(settings: Settings, tenant: str, *, development: bool) -> str:
    """A new key for a vendor that the bridge serves. Raises `BridgeError`, `OSError`."""
    known = tenants(settings, development=development)
    if tenant not in known:
        raise SettingsError(
            "invalid_setting",
            "The bridge serves no such tenant.",
            field="--tenant",
            hint=f"Tenants here: {', '.join(known) or 'none'}.",
        )
    return ApiKeyFile(settings.data.directory).create(tenant)


@dataclass(frozen=True, slots=True)
class VendorTokens:
    """Signs join tokens in the bridge's own name for vendors that do not sign them themselves."""

    minter: Minter
    verifier: TokenVerifier
    clock: Callable[[], float] = time.time

    async def mint(self, tenant: str, request: TokenRequest) -> Token:
        """A token that the doors take. Raises `BridgeError` (`invalid_body`) for one that they would refuse.

        The bridge has signed nobody in for it, and so it tells the level `none`.
        """
        now = self.clock()
        made = self.minter.mint(
            tenant=tenant,
            room=request.room,
            role=request.role,
            identity=request.identity,
            name=request.name,
            level=Level.NONE,
            now=now,
            until=now + request.lifetime,
        )
        try:
            await self.verifier.verify(made.token)
        except TokenError as error:
            # Better refused here, where there is a program to read why, than at the door, where there is a patient.
            field = _FIELDS.get(error.field or "")
            raise BridgeError("invalid_body", error.message, field=field, hint=error.hint) from None
        return Token(made.token, int(made.expires_at))
