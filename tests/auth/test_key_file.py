"""Keys of a file that others change: what it holds is what counts, however it came there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from bridge.auth import file_version
from bridge.auth.file_version import FileVersion
from bridge.auth.operator_keys import FILE, OperatorKeys


def test_a_file_rewritten_in_place_within_a_tick_of_the_clock_is_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = OperatorKeys(tmp_path)
    keys.create("one")
    path = tmp_path / FILE
    # Newer kernels give times that differ (multigrain timestamps); these tick as slowly as the coarsest ones do.
    version = FileVersion.of(path)
    monkeypatch.setattr(FileVersion, "of", lambda _path: version)
    assert [key.label for key in keys.list()] == ["one"]
    path.write_text(path.read_text().replace("one", "two"))
    assert [key.label for key in keys.list()] == ["two"]


def test_a_time_that_was_set_back_hides_no_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = OperatorKeys(tmp_path)
    keys.create("one")
    path = tmp_path / FILE
    before = path.stat()
    monkeypatch.setattr(file_version, "SETTLED_NS", -(10**18))
    assert [key.label for key in keys.list()] == ["one"]
    path.write_text(path.read_text().replace("one", "longer"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert [key.label for key in keys.list()] == ["longer"]


def test_a_file_that_has_not_changed_for_long_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    OperatorKeys(tmp_path).create("one")
    monkeypatch.setattr(file_version, "SETTLED_NS", -(10**18))
    keys = OperatorKeys(tmp_path)
    assert [key.label for key in keys.list()] == ["one"]
    monkeypatch.delattr(Path, "read_bytes")
    assert [key.label for key in keys.list()] == ["one"]


def test_a_full_disk_names_the_file_that_it_had_no_place_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = OperatorKeys(tmp_path)
    keys.create("one")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        keys.create("two")
    assert Path(caught.value.filename).parent == tmp_path
    assert [key.label for key in keys.list()] == ["one"]
