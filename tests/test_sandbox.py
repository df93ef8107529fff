"""What a development bridge has for vendors, and a production bridge has not."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.app import Application
from bridge.auth import development_secret
from bridge.auth.api_keys import ApiKey, ApiKeys
from bridge.data_directory import make_data_directory
from bridge.sandbox import API_KEY, sandbox_key
from bridge.settings import DataSettings, Settings


def test_the_same_key_is_printed_until_it_is_revoked(tmp_path: Path) -> None:
    made: list[ApiKey] = []
    first = sandbox_key(tmp_path, made.append)
    assert sandbox_key(tmp_path, made.append) == first
    assert [key.tenant for key in made] == ["dev"]
    assert (tmp_path / API_KEY).stat().st_mode & 0o077 == 0
    ApiKeys(tmp_path).revoke(made[0].id)
    second = sandbox_key(tmp_path, made.append)
    assert second != first
    assert ApiKeys(tmp_path).find(second) is not None


@pytest.mark.parametrize("development", [True, False])
async def test_production_has_no_sandbox(tmp_path: Path, development: bool) -> None:
    make_data_directory(tmp_path / "data")
    development_secret(tmp_path / "data", create=True)
    application = Application(Settings(data=DataSettings(tmp_path / "data")), development=development)
    paths = {getattr(route, "path", None) for route in application._routes()}
    assert ("/sandbox" in paths) is development
