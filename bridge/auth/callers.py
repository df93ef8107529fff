"""Knows who uses the REST API: by an API key, or by a token that the vendor's server signed."""

from __future__ import annotations

from collections.abc import Collection

from bridge.auth.api_keys import ApiKeys, Caller
from bridge.auth.errors import TokenError
from bridge.auth.vendors import VendorAuthenticator


class Callers:
    """Authenticates for the tenants that this bridge serves."""

    def __init__(self, keys: ApiKeys, vendors: VendorAuthenticator, tenants: Collection[str]) -> None:
        self._keys = keys
        self._vendors = vendors
        self._tenants = frozenset(tenants)

    async def authenticate(self, token: str) -> Caller:
        """Who shows `token`. Raises `TokenError`."""
        if not token.startswith("brk_"):
            vendor = await self._vendors.identify(token)
            return Caller(vendor.tenant, "vendor", vendor.scopes)
        key = self._keys.find(token)
        if key is None or key.tenant not in self._tenants:
            # The same for keys that never were, were revoked, or belong to a vendor that is served no more.
            raise TokenError(
                "token_unknown_key", "This API key lets nobody in.", hint="The operator makes new ones: bridge apikey."
            )
        return Caller(key.tenant, f"api:{key.id}", frozenset(key.scopes))
