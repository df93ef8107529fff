import stat
from pathlib import Path

import pytest

from bridge.auth import DEVELOPMENT_ISSUER, KeyMaterialError, development_issuer, development_secret


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    data = tmp_path / "data"
    secret = development_secret(data, create=True)
    assert development_secret(data, create=True) == secret
    assert development_secret(data, create=False) == secret
    assert [path.name for path in data.iterdir()] == ["development.key"]
    assert stat.S_IMODE((data / "development.key").stat().st_mode) == 0o600


def test_two_bridges_have_two_keys(tmp_path: Path) -> None:
    assert development_secret(tmp_path / "a", create=True) != development_secret(tmp_path / "b", create=True)


def test_nothing_is_made_unasked(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        development_secret(tmp_path, create=False)
    assert list(tmp_path.iterdir()) == []


def test_another_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "development.key").write_text("something else\n")
    with pytest.raises(KeyMaterialError):
        development_secret(tmp_path, create=True)


def test_the_issuer_opens_rooms_of_its_own(tmp_path: Path) -> None:
    issuer = development_issuer(tmp_path)
    assert (issuer.name, issuer.tenant) == (DEVELOPMENT_ISSUER, "dev")
