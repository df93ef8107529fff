"""The key file: what it may hold, who opens what, and that keys can be exchanged."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.transcode.recording import KeyRing, RecordingError, new_key_line

KEY = bytes(range(32))


def ring(tmp_path: Path, *lines: str) -> KeyRing:
    path = tmp_path / "keys"
    path.write_text("\n".join(lines) + "\n")
    return KeyRing.read(path)


def test_the_first_key_wraps_and_all_open(tmp_path: Path) -> None:
    old, new = new_key_line("2026"), new_key_line("2027")
    before = ring(tmp_path, "# ours", old)
    wrapped = before.wrap(KEY, "a" * 32)
    after = ring(tmp_path, new, "", old)
    assert (before.active, after.active) == ("2026", "2027")
    assert after.unwrap(wrapped, "a" * 32) == KEY
    assert after.wrap(KEY, "a" * 32).key_id == "2027"
    assert KEY not in wrapped.sealed
    assert base64.b64decode(old.split()[1]) not in repr(before).encode()


def test_a_key_opens_its_own_recording_only_and_unchanged(tmp_path: Path) -> None:
    keys = ring(tmp_path, new_key_line("k"))
    wrapped = keys.wrap(KEY, "a" * 32)
    *others, last = wrapped.sealed
    for changed, recording in (
        (wrapped, "b" * 32),
        (replace(wrapped, sealed=bytes([*others, last ^ 1])), "a" * 32),
        (replace(wrapped, nonce=b""), "a" * 32),
    ):
        with pytest.raises(RecordingError) as refused:
            keys.unwrap(changed, recording)
        assert refused.value.code == "recording_damaged"


def test_without_its_key_a_recording_stays_closed(tmp_path: Path) -> None:
    wrapped = ring(tmp_path, new_key_line("lost")).wrap(KEY, "a" * 32)
    with pytest.raises(RecordingError) as refused:
        ring(tmp_path, new_key_line("other")).unwrap(wrapped, "a" * 32)
    assert refused.value.code == "recording_no_key"
    assert "'lost'" in refused.value.message


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("only-an-id", 2),
        ("id c2hvcnQ=", 2),
        ("id !!!", 2),
        ("bad/id " + base64.b64encode(KEY).decode(), 2),
        ("id one two", 2),
        ("good " + base64.b64encode(KEY).decode(), 2),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, number: int) -> None:
    with pytest.raises(RecordingError, match=f"line {number}: expected") as refused:
        ring(tmp_path, new_key_line("good"), line)
    assert refused.value.code == "recording_bad_key_file"
    assert refused.value.field == "recordings.key_file"


def test_a_file_without_a_key_or_none_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="has no key"):
        ring(tmp_path, "# nothing")
    with pytest.raises(RecordingError, match="cannot be read"):
        KeyRing.read(tmp_path / "absent")
    (tmp_path / "binary").write_bytes(b"\xff\x00")
    with pytest.raises(RecordingError, match="it is no text"):
        KeyRing.read(tmp_path / "binary")
    with pytest.raises(RecordingError, match="expected 1 to 64"):
        new_key_line("not an id")
