"""Data directories of bridges from before there was a table of versions are gone on with."""

from __future__ import annotations

from pathlib import Path

from bridge.audit import HEAD, AuditReader, AuditStore, Entry, SealingKey, verify
from bridge.auth.invitation_database import InvitationDatabase
from bridge.queues import OLD_FILE, QueueKeeper
from bridge.records import RecordReader, RecordStore, RunningStore
from bridge.room import RoomLimits, Rooms
from bridge.storage import SqlitePlace
from bridge.storage.choice import NODE_FILE, SHARED_FILE
from bridge.webhooks import Outbox
from tests.support.older_files import old_data_directory


def findings(data: Path) -> tuple[str, ...]:
    reader = AuditReader(SqlitePlace(data / NODE_FILE), data / HEAD)
    try:
        return verify(reader, SealingKey.load(data).checker).findings
    finally:
        reader.close()


async def test_all_that_was_in_them_is_there_and_gone_on_with(tmp_path: Path) -> None:
    old_data_directory(tmp_path)
    place = SqlitePlace(tmp_path / NODE_FILE)
    # By "bridge audit verify", before the new bridge was started at all.
    assert findings(tmp_path) == ()
    for _ in range(2):
        # In the order in which a bridge opens them.
        log = AuditStore(tmp_path, place, SealingKey.load(tmp_path))
        outbox, records, rooms = Outbox(place, ["clinic"], ["clinic"]), RecordStore(place), Rooms(RoomLimits())
        outbox.open()
        records.open()
        running = RunningStore(place)
        running.open()
        assert (running.left().calls, running.alive()) == ({}, 0)
        queues = QueueKeeper(place, rooms, tmp_path / OLD_FILE)
        queues.load()
        assert [each.id for each in rooms.queues.all()] == ["clinic/dropin"]
        assert len(outbox.read("clinic", None, 9, None, None)) == 1
        assert len(list(RecordReader(records.database).between(None, None, "clinic"))) == 1
        log.write_head(log.append([Entry("after")]))
        for each in (queues, running, records, outbox, log):
            each.close()
        assert findings(tmp_path) == ()
        invitations = InvitationDatabase(SqlitePlace(tmp_path / SHARED_FILE))
        invitations.open()
        found = await invitations.find("inv_1", 1.0)
        assert found is not None
        assert found.name == "Kari"
        invitations.close()


def test_tables_that_came_later_are_made_in_them(tmp_path: Path) -> None:
    old_data_directory(tmp_path)
    database = SqlitePlace(tmp_path / NODE_FILE).connect()
    database.execute("DROP TABLE records")
    database.close()
    store = RecordStore(SqlitePlace(tmp_path / NODE_FILE))
    store.open()
    assert list(RecordReader(store.database).between(None, None, None)) == []
    store.close()
