"""What a provider may take of the bridge's time."""

from __future__ import annotations

import asyncio

import pytest

from bridge.auth.oidc import HttpClient, SignInError, http
from tests.support.dripping import dripping_server
from tests.support.patience import PATIENCE


async def test_a_provider_that_drips_is_given_up_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would hold one of the connections that all providers share for as long as it liked."""
    monkeypatch.setattr(http, "DEADLINE", 0.3)
    client = HttpClient()
    try:
        async with dripping_server() as url, asyncio.timeout(PATIENCE):
            with pytest.raises(SignInError, match="TimeoutError"):
                await client.get(f"{url}/keys")
    finally:
        await client.close()
