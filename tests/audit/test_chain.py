"""Whatever is done to the database by someone without the key is found."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.audit import (
    PUBLIC_KEY,
    AuditError,
    AuditReader,
    AuditStore,
    Entry,
    SealChecker,
    SealingKey,
    Verdict,
    export,
)
from bridge.audit import verify as verify_log
from bridge.audit.store import DATABASE, HEAD

TEXTS = st.text(max_size=12)
ENTRIES = st.builds(
    Entry, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS, st.dictionaries(TEXTS, TEXTS | st.integers(-(2**53), 2**53), max_size=3)
)
COMMITS = st.lists(st.lists(ENTRIES, min_size=1, max_size=4), min_size=2, max_size=6)
# What SQLite's TEXT cannot hold never comes from a room: names there are of a few characters, codes are ours.
COLUMNS = ("at", "kind", "tenant", "room", "actor", "subject", "details", "hash")


def write(data: Path, commits: list[list[Entry]], now: float = 1000.0) -> None:
    store = AuditStore(data, SealingKey.load(data), clock=lambda: now)
    for commit in commits:
        store.write_head(store.append(commit))
    store.close()


def verify(data: Path, *heads: str) -> Verdict:
    reader = AuditReader(data)
    try:
        return verify_log(reader, SealChecker.from_pem(data / PUBLIC_KEY), heads=heads)
    finally:
        reader.close()


def tamper(data: Path, *statements: str, values: tuple[object, ...] = ()) -> None:
    with sqlite3.connect(data / DATABASE) as database:
        for statement in statements:
            database.execute(statement, values)
    database.close()


@settings(max_examples=40)
@given(COMMITS, st.data())
def test_any_change_of_any_row_is_found(commits: list[list[Entry]], data: st.DataObject) -> None:
    count = sum(map(len, commits))
    seq = data.draw(st.integers(1, count))
    other = data.draw(st.integers(1, count).filter(lambda number: number != seq))
    column = data.draw(st.sampled_from(COLUMNS))
    changed = {"at": f"{column} + 1", "hash": "randomblob(32)"}.get(column, f"{column} || 'x'")
    last_seal = max(seq, *(sum(map(len, commits[: end + 1])) for end in range(len(commits))))
    attacks: list[Callable[[Path], None]] = [
        lambda folder: tamper(folder, f"UPDATE entries SET {column} = {changed} WHERE seq = {seq}"),
        lambda folder: tamper(folder, f"DELETE FROM entries WHERE seq = {seq}"),
        lambda folder: tamper(folder, f"DELETE FROM entries WHERE seq >= {seq}"),
        lambda folder: tamper(folder, f"DELETE FROM entries WHERE seq <= {seq}"),
        lambda folder: tamper(folder, "DELETE FROM entries", "DELETE FROM seals"),
        lambda folder: tamper(
            folder, f"DELETE FROM entries WHERE seq >= {seq}", f"DELETE FROM seals WHERE seq >= {seq}"
        ),
        lambda folder: tamper(
            folder,
            f"UPDATE entries SET seq = -1 WHERE seq = {seq}",
            f"UPDATE entries SET seq = {seq} WHERE seq = {other}",
            f"UPDATE entries SET seq = {other} WHERE seq = -1",
        ),
        lambda folder: tamper(folder, f"UPDATE seals SET signature = zeroblob(64) WHERE seq = {last_seal}"),
        lambda folder: tamper(folder, "DELETE FROM seals WHERE seq = (SELECT min(seq) FROM seals)"),
        lambda folder: tamper(
            folder,
            f"INSERT INTO entries SELECT {count + 1}, at, kind, tenant, room, actor, subject, details, hash "
            f"FROM entries WHERE seq = {seq}",
        ),
    ]
    with TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, commits)
        assert verify(folder) == Verdict(count, verify(folder).head, ())
        data.draw(st.sampled_from(attacks))(folder)
        assert verify(folder).findings


def test_a_chain_that_was_computed_anew_lacks_the_key(tmp_path: Path) -> None:
    write(tmp_path, [[Entry("one")], [Entry("two")]])
    other = tmp_path / "other"
    other.mkdir()
    write(other, [[Entry("one")], [Entry("three")]])
    (tmp_path / DATABASE).write_bytes((other / DATABASE).read_bytes())
    (tmp_path / HEAD).unlink()
    assert "The seal of entry 1 is not signed with this key." in verify(tmp_path).findings


def test_a_log_that_was_set_back_with_its_head_lacks_a_head_noted_elsewhere(tmp_path: Path) -> None:
    write(tmp_path, [[Entry("one")]])
    before = {name: (tmp_path / name).read_bytes() for name in (DATABASE, HEAD)}
    write(tmp_path, [[Entry("two")]])
    noted = verify(tmp_path).head
    for name, content in before.items():
        (tmp_path / name).write_bytes(content)
    assert not verify(tmp_path).findings
    assert verify(tmp_path, noted).findings == (
        "Entries are missing at the end: 2 was noted as the head, 1 is the last.",
    )
    assert verify(tmp_path, "nonsense").findings


def test_retention_leaves_a_chain_that_can_be_verified(tmp_path: Path) -> None:
    write(tmp_path, [[Entry("old"), Entry("old")], [Entry("old")]], now=1000.0)
    write(tmp_path, [[Entry("new")]], now=5000.0)
    store = AuditStore(tmp_path, SealingKey.load(tmp_path), clock=lambda: 6000.0)
    assert store.prune(900.0) == 0
    assert store.prune(2000.0) == 3
    store.append([Entry("retention")])
    store.close()
    verdict = verify(tmp_path)
    assert (verdict.entries, verdict.findings) == (2, ())
    reader = AuditReader(tmp_path)
    assert len(list(export(reader))) == 1 + 2 + 2
    reader.close()
    # Taking out more than retention did is found, and so is a checkpoint that nobody signed.
    tamper(tmp_path, "DELETE FROM entries WHERE seq = 4", "DELETE FROM seals WHERE seq = 4")
    assert verify(tmp_path).findings
    tamper(tmp_path, "UPDATE checkpoints SET seq = 4")
    assert "The checkpoint is not signed with this key." in verify(tmp_path).findings


def test_retention_that_takes_everything_leaves_the_number_to_go_on_from(tmp_path: Path) -> None:
    write(tmp_path, [[Entry("old")], [Entry("old")]])
    store = AuditStore(tmp_path, SealingKey.load(tmp_path), clock=lambda: 6000.0)
    store.prune(5000.0)
    assert store.append([Entry("new")]).seq == 3
    store.close()
    assert not verify(tmp_path).findings


def test_a_database_that_is_gone_is_not_replaced_in_silence(tmp_path: Path) -> None:
    write(tmp_path, [[Entry("one")]])
    (tmp_path / DATABASE).unlink()
    with pytest.raises(AuditError) as caught:
        AuditStore(tmp_path, SealingKey.load(tmp_path))
    assert caught.value.code == "audit_lost"


def test_a_file_that_is_no_audit_log_is_refused(tmp_path: Path) -> None:
    for content in (None, b"no database" * 100):
        if content is not None:
            (tmp_path / DATABASE).write_bytes(content)
        with pytest.raises(AuditError) as caught:
            AuditReader(tmp_path)
        assert caught.value.code == "audit_unreadable"
