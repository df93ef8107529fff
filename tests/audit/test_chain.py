"""Whatever is done to the database by someone without the key is found."""

from __future__ import annotations

import random
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
from bridge.audit.keys import SEALING_KEY
from bridge.audit.store import HEAD
from bridge.storage import SqlitePlace
from bridge.storage.choice import NODE_FILE
from bridge.storage.postgresql import PostgresPlace
from tests.support.places import Places

TEXTS = st.text(max_size=12)
ENTRIES = st.builds(
    Entry, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS, st.dictionaries(TEXTS, TEXTS | st.integers(-(2**53), 2**53), max_size=3)
)
COMMITS = st.lists(st.lists(ENTRIES, min_size=1, max_size=4), min_size=2, max_size=6)
COLUMNS = ("at", "kind", "tenant", "room", "actor", "subject", "details", "hash")


def opened(places: Places, data: Path, now: float = 6000.0) -> AuditStore:
    return AuditStore(data, places.node(data), SealingKey.load(data), clock=lambda: now)


def write(places: Places, data: Path, commits: list[list[Entry]], now: float = 1000.0) -> None:
    store = opened(places, data, now)
    for commit in commits:
        store.write_head(store.append(commit))
    store.close()


def verify(places: Places, data: Path, *heads: str) -> Verdict:
    reader = AuditReader(places.node(data), data / HEAD)
    try:
        return verify_log(reader, SealChecker.from_pem(data / PUBLIC_KEY), heads=heads)
    finally:
        reader.close()


def tamper(places: Places, data: Path, *statements: str, values: tuple[bytes, ...] = ()) -> None:
    database = places.node(data).connect(durable=False)
    with database.transaction():
        for statement in statements:
            database.execute(statement, values)
    database.close()


@settings(max_examples=40)
@given(commits=COMMITS, data=st.data())
def test_any_change_of_any_row_is_found(commits: list[list[Entry]], data: st.DataObject) -> None:
    a_change_is_found(Places(), commits, data)


@settings(max_examples=15)
@given(commits=COMMITS, data=st.data())
def test_any_change_of_any_row_is_found_on_a_server(
    on_postgres: Places, commits: list[list[Entry]], data: st.DataObject
) -> None:
    a_change_is_found(on_postgres, commits, data)


def a_change_is_found(places: Places, commits: list[list[Entry]], data: st.DataObject) -> None:
    count = sum(map(len, commits))
    seq = data.draw(st.integers(1, count))
    other = data.draw(st.integers(1, count).filter(lambda number: number != seq))
    column = data.draw(st.sampled_from(COLUMNS))
    changed = {"at": f"{column} + 1", "hash": "?"}.get(column, f"{column} || 'x'")
    other_hash = (random.randbytes(32),) if column == "hash" else ()
    last_seal = max(seq, *(sum(map(len, commits[: end + 1])) for end in range(len(commits))))
    attacks: list[Callable[[Path], None]] = [
        lambda folder: tamper(
            places, folder, f"UPDATE entries SET {column} = {changed} WHERE seq = {seq}", values=other_hash
        ),
        lambda folder: tamper(places, folder, f"DELETE FROM entries WHERE seq = {seq}"),
        lambda folder: tamper(places, folder, f"DELETE FROM entries WHERE seq >= {seq}"),
        lambda folder: tamper(places, folder, f"DELETE FROM entries WHERE seq <= {seq}"),
        lambda folder: tamper(places, folder, "DELETE FROM entries", "DELETE FROM seals"),
        lambda folder: tamper(
            places, folder, f"DELETE FROM entries WHERE seq >= {seq}", f"DELETE FROM seals WHERE seq >= {seq}"
        ),
        lambda folder: tamper(
            places,
            folder,
            f"UPDATE entries SET seq = -1 WHERE seq = {seq}",
            f"UPDATE entries SET seq = {seq} WHERE seq = {other}",
            f"UPDATE entries SET seq = {other} WHERE seq = -1",
        ),
        lambda folder: tamper(
            places, folder, f"UPDATE seals SET signature = ? WHERE seq = {last_seal}", values=(bytes(64),)
        ),
        lambda folder: tamper(places, folder, "DELETE FROM seals WHERE seq = (SELECT min(seq) FROM seals)"),
        lambda folder: tamper(
            places,
            folder,
            f"INSERT INTO entries SELECT {count + 1}, at, kind, tenant, room, actor, subject, details, hash "
            f"FROM entries WHERE seq = {seq}",
        ),
    ]
    with TemporaryDirectory() as name:
        folder = Path(name)
        write(places, folder, commits)
        assert verify(places, folder) == Verdict(count, verify(places, folder).head, ())
        data.draw(st.sampled_from(attacks))(folder)
        assert verify(places, folder).findings


def test_a_chain_that_was_computed_anew_lacks_the_key(places: Places, tmp_path: Path) -> None:
    write(places, tmp_path, [[Entry("one")], [Entry("two")]])
    kept = places.node(tmp_path)
    # Whoever can write to the database makes another chain in its place, with another key.
    tamper(places, tmp_path, "DELETE FROM entries", "DELETE FROM seals")
    (tmp_path / HEAD).unlink()
    other = tmp_path / "other"
    other.mkdir()
    store = AuditStore(other, kept, SealingKey.load(other))
    store.append([Entry("one")])
    store.append([Entry("three")])
    store.close()
    assert "The seal of entry 1 is not signed with this key." in verify(places, tmp_path).findings


def test_a_key_that_is_lost_is_not_made_anew_in_silence(tmp_path: Path) -> None:
    SealingKey.load(tmp_path)
    (tmp_path / SEALING_KEY).unlink()
    with pytest.raises(AuditError) as caught:
        SealingKey.load(tmp_path)
    assert caught.value.code == "audit_key_lost"
    assert caught.value.hint is not None
    assert "move audit.pub" in caught.value.hint
    assert not (tmp_path / SEALING_KEY).exists()
    (tmp_path / PUBLIC_KEY).rename(tmp_path / "audit.pub.old")
    checker = SealingKey.load(tmp_path).checker
    assert checker.node == SealChecker.from_pem(tmp_path / PUBLIC_KEY).node
    assert checker.node != SealChecker.from_pem(tmp_path / "audit.pub.old").node


def test_a_key_beside_the_public_half_of_another_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for folder in (tmp_path, other):
        SealingKey.load(folder)
    (other / SEALING_KEY).replace(tmp_path / SEALING_KEY)
    with pytest.raises(AuditError) as caught:
        SealingKey.load(tmp_path)
    assert caught.value.code == "audit_key_unusable"


def test_a_log_that_was_set_back_with_its_head_lacks_a_head_noted_elsewhere(places: Places, tmp_path: Path) -> None:
    write(places, tmp_path, [[Entry("one")]])
    head = (tmp_path / HEAD).read_bytes()
    write(places, tmp_path, [[Entry("two")]])
    noted = verify(places, tmp_path).head
    tamper(places, tmp_path, "DELETE FROM entries WHERE seq = 2", "DELETE FROM seals WHERE seq = 2")
    (tmp_path / HEAD).write_bytes(head)
    assert not verify(places, tmp_path).findings
    assert verify(places, tmp_path, noted).findings == (
        "Entries are missing at the end: 2 was noted as the head, 1 is the last.",
    )
    assert verify(places, tmp_path, "nonsense").findings


def test_a_log_that_was_set_back_is_not_gone_on_with_in_silence(places: Places, tmp_path: Path) -> None:
    write(places, tmp_path, [[Entry("one")], [Entry("two")]])
    running = opened(places, tmp_path)
    # Such as by a backup, or by a standby that takes over and had not got everything.
    tamper(places, tmp_path, "DELETE FROM entries WHERE seq = 2", "DELETE FROM seals WHERE seq = 2")
    with pytest.raises(AuditError) as noticed:
        running.append([Entry("three")])
    running.close()
    with pytest.raises(AuditError) as refused:
        opened(places, tmp_path)
    assert (noticed.value.code, refused.value.code) == ("audit_lost", "audit_lost")
    (tmp_path / HEAD).unlink()
    write(places, tmp_path, [[Entry("three")]])
    assert verify(places, tmp_path).entries == 2


def test_what_no_database_holds_is_written_as_it_can_be(places: Places, tmp_path: Path) -> None:
    write(places, tmp_path, [[Entry("one", room="\0", details={"text": "\0"})]])
    assert verify(places, tmp_path).findings == ()


def test_retention_leaves_a_chain_that_can_be_verified(places: Places, tmp_path: Path) -> None:
    write(places, tmp_path, [[Entry("old"), Entry("old")], [Entry("old")]], now=1000.0)
    write(places, tmp_path, [[Entry("new")]], now=5000.0)
    store = opened(places, tmp_path)
    assert store.prune(900.0) == 0
    assert store.prune(2000.0) == 3
    store.append([Entry("retention")])
    store.close()
    verdict = verify(places, tmp_path)
    assert (verdict.entries, verdict.findings) == (2, ())
    reader = AuditReader(places.node(tmp_path))
    assert len(list(export(reader))) == 1 + 2 + 2
    reader.close()
    # Taking out more than retention did is found, and so is a checkpoint that nobody signed.
    tamper(places, tmp_path, "DELETE FROM entries WHERE seq = 4", "DELETE FROM seals WHERE seq = 4")
    assert verify(places, tmp_path).findings
    tamper(places, tmp_path, "UPDATE checkpoints SET seq = 4")
    assert "The checkpoint is not signed with this key." in verify(places, tmp_path).findings


def test_retention_that_takes_everything_leaves_the_number_to_go_on_from(places: Places, tmp_path: Path) -> None:
    write(places, tmp_path, [[Entry("old")], [Entry("old")]])
    store = opened(places, tmp_path)
    store.prune(5000.0)
    assert store.append([Entry("new")]).seq == 3
    store.close()
    assert not verify(places, tmp_path).findings


def test_a_database_that_is_gone_is_not_replaced_in_silence(places: Places, tmp_path: Path) -> None:
    write(places, tmp_path, [[Entry("one")]])
    place = places.node(tmp_path)
    if isinstance(place, PostgresPlace):
        tamper(places, tmp_path, f"DROP SCHEMA {place.schema} CASCADE")
    else:
        (tmp_path / NODE_FILE).unlink()
    with pytest.raises(AuditError) as caught:
        opened(places, tmp_path)
    assert caught.value.code == "audit_lost"


def test_where_there_is_no_audit_log_it_is_refused(places: Places, tmp_path: Path) -> None:
    with pytest.raises(AuditError) as caught:
        AuditReader(places.node(tmp_path))
    assert caught.value.code == "audit_unreadable"


def test_a_file_that_is_no_audit_log_is_refused(tmp_path: Path) -> None:
    (tmp_path / NODE_FILE).write_bytes(b"no database" * 100)
    with pytest.raises(AuditError) as caught:
        AuditReader(SqlitePlace(tmp_path / NODE_FILE))
    assert caught.value.code == "audit_unreadable"


def test_a_log_of_a_newer_bridge_is_left_alone(places: Places, tmp_path: Path) -> None:
    write(places, tmp_path, [[Entry("one")]])
    tamper(places, tmp_path, "UPDATE versions SET version = version + 1")
    for refused in (lambda: opened(places, tmp_path), lambda: AuditReader(places.node(tmp_path))):
        with pytest.raises(AuditError) as caught:
            refused()
        assert caught.value.code == "audit_unreadable"
