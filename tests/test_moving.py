"""What a bridge has kept in files is on the server afterwards, whole, and is gone on with there."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from bridge.audit import HEAD, AuditReader, AuditStore, Entry, Row, SealingKey, verify
from bridge.auth.invitation_database import InvitationDatabase
from bridge.auth.invitations import Invitation
from bridge.auth.levels import Level
from bridge.data_directory import DataDirectory
from bridge.errors import BridgeError
from bridge.keeping import RoomStore
from bridge.moving import move
from bridge.queues import QueueKeeper
from bridge.records import RecordReader, RecordStore, RunningStore
from bridge.room import Ban, KeptRoom, RoomLimits, Rooms
from bridge.settings import DataSettings, Settings, StorageSettings
from bridge.storage import Database, SqlitePlace, Storage
from bridge.storage.choice import NODE_FILE, SHARED_FILE
from bridge.webhooks import Outbox
from tests.support.older_files import old_data_directory
from tests.support.postgres import Cluster

INVITATION = Invitation("inv_1", "code", "clinic", "a", "tolk", "tolk-1", "Kari", Level.HIGH, 0.0, 2.0**33)


async def test_everything_moves_and_the_log_goes_on(cluster: Cluster, tmp_path: Path) -> None:
    here = SqlitePlace(tmp_path / NODE_FILE)
    outbox, records, queues = (
        Outbox(here, ["clinic"], ["clinic"]),
        RecordStore(here),
        QueueKeeper(here, Rooms(RoomLimits())),
    )
    runs = RunningStore(here)
    key = SealingKey.load(tmp_path)

    def write_along(database: Database, rows: Sequence[tuple[Row, Entry]]) -> None:
        outbox.add(database, rows)
        records.add(database, rows)
        runs.follow(database, rows)

    log = AuditStore(tmp_path, here, key, companion=write_along)
    for store in (outbox, records, runs):
        store.open()
    kept = KeptRoom("clinic/b", "clinic", locked=True)
    before = RoomStore(here)
    before.open()
    before.write({kept.id: kept}, [Ban("clinic", "token", 2.0**33)], 1.0)
    before.close()
    queues.load()
    await queues.define("clinic", "dropin", ["one"])
    for _ in range(3):
        log.write_head(log.append([Entry("room_opened", "clinic", "a"), Entry("call_ended", "clinic", "a")]))
    # The bridge was killed during a call.
    log.write_head(log.append([Entry("room_opened", "clinic", "b")]))
    runs.beat(1)
    for each in (log, outbox, records, runs, queues):
        each.close()
    invitations = InvitationDatabase(SqlitePlace(tmp_path / SHARED_FILE))
    invitations.open()
    await invitations.add(INVITATION, 0.0)
    invitations.close()

    url = cluster.url(cluster.database())
    settings = Settings(data=DataSettings(directory=tmp_path), storage=StorageSettings(url=url))
    running = DataDirectory(tmp_path)
    with pytest.raises(BridgeError) as refused:
        move(settings)
    assert refused.value.code == "data_directory_in_use"
    running.release()
    assert move(settings) == {
        "invitations": 1,
        "entries": 7,
        "seals": 4,
        "checkpoints": 0,
        "events": 7,
        "records": 3,
        "running": 1,
        "alive": 1,
        "queues": 1,
        "kept_rooms": 1,
        "bans": 1,
    }
    assert not (tmp_path / NODE_FILE).exists()

    there = Storage(settings).node(key.checker.node)
    log = AuditStore(tmp_path, there, key)
    assert log.append([Entry("after")]).seq == 8
    log.close()
    reader = AuditReader(there, tmp_path / HEAD)
    assert verify(reader, key.checker).findings == ()
    reader.close()
    outbox, rooms = Outbox(there, ["clinic"], ["clinic"]), Rooms(RoomLimits())
    outbox.open()
    assert (len(outbox), len(outbox.read("clinic", None, 9, None, None))) == (7, 7)
    outbox.close()
    runs = RunningStore(there)
    assert (list(runs.left().calls), runs.alive()) == (["clinic/b"], 1)
    runs.close()
    queues = QueueKeeper(there, rooms)
    queues.load()
    queues.close()
    assert [each.id for each in rooms.queues.all()] == ["clinic/dropin"]
    after = RoomStore(there)
    assert (after.rooms()[0], len(after.bans())) == ([kept], 1)
    after.close()
    snapshot = there.snapshot()
    assert len(list(RecordReader(snapshot).between(None, None, None))) == 3
    snapshot.close()
    invitations = InvitationDatabase(Storage(settings).shared())
    invitations.open()
    assert await invitations.find("inv_1", 1.0) == INVITATION
    invitations.close()


async def test_a_move_that_was_interrupted_is_done_again(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_data_directory(tmp_path)
    settings = Settings(
        data=DataSettings(directory=tmp_path), storage=StorageSettings(url=cluster.url(cluster.database()))
    )

    def full(path: Path, target: Path) -> Path:
        raise OSError(f"No space left on device: {path} {target}")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", full)
        with pytest.raises(OSError, match=SHARED_FILE):
            move(settings)
    # Another bridge has revoked one there meanwhile, and made one.
    invitations = InvitationDatabase(Storage(settings).shared())
    invitations.open()
    assert await invitations.revoke("clinic", "inv_1")
    await invitations.add(dataclasses.replace(INVITATION, id="inv_2", code="other"), 0.0)
    moved = move(settings)
    assert (moved["entries"], moved["records"], moved["invitations"]) == (1, 1, 1)
    assert await invitations.find("inv_1", 1.0) is None
    assert await invitations.find("inv_2", 1.0) is not None
    invitations.close()
    assert not (tmp_path / NODE_FILE).exists()


async def test_what_is_refused_copies_nothing(cluster: Cluster, tmp_path: Path) -> None:
    old_data_directory(tmp_path)
    settings = Settings(
        data=DataSettings(directory=tmp_path), storage=StorageSettings(url=cluster.url(cluster.database()))
    )
    key = SealingKey.load(tmp_path)
    there = AuditStore(tmp_path, Storage(settings).node(key.checker.node), key)
    there.append([Entry("another")])
    there.close()
    with pytest.raises(BridgeError, match="in use") as refused:
        move(settings)
    assert "drop the schema" in (refused.value.hint or "")
    invitations = InvitationDatabase(Storage(settings).shared())
    invitations.open()
    assert await invitations.find("inv_1", 1.0) is None
    invitations.close()


def test_what_cannot_be_moved_stays(cluster: Cluster, tmp_path: Path) -> None:
    settings = Settings(
        data=DataSettings(directory=tmp_path), storage=StorageSettings(url=cluster.url(cluster.database()))
    )

    def refusal(chosen: Settings = settings) -> str:
        with pytest.raises(BridgeError) as refused:
            move(chosen)
        return refused.value.code

    assert refusal() == "nothing_to_move"
    key, here = SealingKey.load(tmp_path), SqlitePlace(tmp_path / NODE_FILE)
    log = AuditStore(tmp_path, here, key)
    log.append([Entry("one")])
    log.close()
    assert refusal(dataclasses.replace(settings, storage=StorageSettings())) == "nothing_to_move"
    database = here.connect()
    database.execute("UPDATE entries SET room = 'other'")
    assert refusal() == "cannot_move"
    database.execute("UPDATE entries SET room = ''")
    database.close()
    there = AuditStore(tmp_path, Storage(settings).node(key.checker.node), key)
    there.append([Entry("another")])
    there.close()
    assert refusal() == "cannot_move"
    assert (tmp_path / NODE_FILE).exists()


def test_files_from_before_the_table_of_versions_are_moved(cluster: Cluster, tmp_path: Path) -> None:
    old_data_directory(tmp_path)
    settings = Settings(
        data=DataSettings(directory=tmp_path), storage=StorageSettings(url=cluster.url(cluster.database()))
    )
    assert {name for name, rows in move(settings).items() if rows} == {
        "entries",
        "seals",
        "events",
        "records",
        "invitations",
    }
