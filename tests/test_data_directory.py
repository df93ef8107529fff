import stat
from pathlib import Path

import pytest

from bridge.data_directory import DataDirectory, DataDirectoryError


def test_it_is_made_for_its_owner_only(tmp_path: Path) -> None:
    data = tmp_path / "deep" / "data"
    DataDirectory(data).release()
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


def test_two_bridges_cannot_hold_it(tmp_path: Path) -> None:
    first = DataDirectory(tmp_path)
    with pytest.raises(DataDirectoryError) as caught:
        DataDirectory(tmp_path)
    assert caught.value.code == "data_directory_in_use"
    first.release()
    DataDirectory(tmp_path).release()


def test_a_file_in_its_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(DataDirectoryError) as caught:
        DataDirectory(tmp_path / "data")
    assert caught.value.code == "data_directory_unusable"
