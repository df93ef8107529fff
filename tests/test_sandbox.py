"""What a development bridge has for vendors, and a production bridge has not."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.app import Application
from bridge.auth import development_secret
from bridge.auth.api_keys import ApiKeys
from bridge.auth.printed_keys import API_KEY, refuse_printed_keys
from bridge.data_directory import make_data_directory
from bridge.errors import BridgeError
from bridge.sandbox import sandbox_key
from bridge.settings import DataSettings, Settings


def test_the_same_key_is_printed_until_it_is_revoked(tmp_path: Path) -> None:
    noted: list[str] = []
    first = sandbox_key(tmp_path, noted.append)
    assert sandbox_key(tmp_path, noted.append) == first
    assert [(key.id, key.tenant) for key in ApiKeys(tmp_path).list()] == [(noted[0], "dev")]
    assert (tmp_path / API_KEY).stat().st_mode & 0o077 == 0
    with pytest.raises(BridgeError, match=f"apikey revoke --id {noted[0]}"):
        refuse_printed_keys(tmp_path)
    ApiKeys(tmp_path).revoke(noted[0])
    refuse_printed_keys(tmp_path)
    second = sandbox_key(tmp_path, noted.append)
    assert second != first
    assert ApiKeys(tmp_path).find(second) is not None


@pytest.mark.parametrize("development", [True, False])
async def test_production_has_no_sandbox(tmp_path: Path, development: bool) -> None:
    make_data_directory(tmp_path / "data")
    development_secret(tmp_path / "data", create=True)
    application = Application(Settings(data=DataSettings(tmp_path / "data")), development=development)
    paths = {getattr(route, "path", None) for route in application._routes()}
    assert ("/sandbox" in paths) is development


def test_no_key_is_made_that_cannot_be_written_down(tmp_path: Path) -> None:
    def unavailable(_: str) -> None:
        raise BridgeError("audit_unavailable", "No.")

    with pytest.raises(BridgeError, match="No"):
        sandbox_key(tmp_path, unavailable)
    assert ApiKeys(tmp_path).list() == []
