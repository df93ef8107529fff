"""Data directories as bridges left them that numbered files, before there was a table of versions."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from bridge.audit import SealingKey
from bridge.audit.chain import GENESIS, Entry, Seal, link, sealed_bytes
from bridge.queues import OLD_FILE
from bridge.storage.choice import NODE_FILE, SHARED_FILE

_AUDIT = """
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, tenant TEXT NOT NULL, room TEXT NOT NULL,
    actor TEXT NOT NULL, subject TEXT NOT NULL, details TEXT NOT NULL, hash BLOB NOT NULL
) STRICT;
CREATE TABLE seals (
    seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, previous INTEGER NOT NULL, at INTEGER NOT NULL, signature BLOB NOT NULL
) STRICT;
CREATE TABLE checkpoints (
    seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, previous INTEGER NOT NULL, at INTEGER NOT NULL, signature BLOB NOT NULL
) STRICT;
PRAGMA user_version = 1;
"""
_EVENTS = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, room TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL,
    at INTEGER NOT NULL, body TEXT NOT NULL, attempts INTEGER NOT NULL, due REAL
) STRICT;
CREATE INDEX IF NOT EXISTS events_of_tenant ON events (tenant, seq);
CREATE UNIQUE INDEX IF NOT EXISTS events_by_id ON events (tenant, id);
CREATE INDEX IF NOT EXISTS events_due ON events (tenant, room, seq) WHERE due IS NOT NULL;
"""
_RECORDS = """
CREATE TABLE IF NOT EXISTS records (
    seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, room TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL,
    at INTEGER NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS records_of_tenant ON records (tenant, seq);
CREATE UNIQUE INDEX IF NOT EXISTS records_by_id ON records (tenant, id);
"""
_INVITATIONS = """
CREATE TABLE invitations (
    id TEXT PRIMARY KEY, code TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL, room TEXT NOT NULL, role TEXT NOT NULL,
    identity TEXT NOT NULL, name TEXT NOT NULL, level INTEGER NOT NULL, opens_at REAL NOT NULL,
    expires_at REAL NOT NULL, person TEXT, professional TEXT, question TEXT, answer TEXT,
    attempts_left INTEGER NOT NULL, taken_by TEXT, enters TEXT, made_by TEXT NOT NULL, made_at REAL NOT NULL
) STRICT;
CREATE INDEX invitations_listed ON invitations (tenant, made_at, id);
CREATE INDEX invitations_rooms ON invitations (tenant, room);
CREATE INDEX invitations_end ON invitations (expires_at);
PRAGMA user_version = 1;
"""


def old_data_directory(data: Path) -> None:
    """Makes one with an entry of the log, an event, a record, an invitation and a queue in it."""
    row = link(GENESIS, 1, 1_000_000, Entry("call_ended", "clinic", "a"))
    seal = Seal(1, row.hash, 0, row.at, b"")
    signature = SealingKey.load(data).sign(sealed_bytes(seal))
    with closing(sqlite3.connect(data / NODE_FILE)) as database, database:
        database.executescript(_AUDIT + _EVENTS + _RECORDS)
        database.execute(
            "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (row.seq, row.at, row.kind, row.tenant, row.room, row.actor, row.subject, row.details, row.hash),
        )
        database.execute("INSERT INTO seals VALUES (?, ?, ?, ?, ?)", (1, row.hash, 0, row.at, signature))
        database.execute("INSERT INTO events VALUES (1, 'clinic', 'a', 'evt_1', 'call_ended', 1000000, '{}', 0, NULL)")
        database.execute("INSERT INTO records VALUES (1, 'clinic', 'a', 'rec_1', 'call', 1000000, '{}')")
    with closing(sqlite3.connect(data / SHARED_FILE)) as database, database:
        database.executescript(_INVITATIONS)
        database.execute(
            "INSERT INTO invitations VALUES ('inv_1', 'code', 'clinic', 'a', 'tolk', 'tolk-1', 'Kari', 4, 0.0, "
            "8589934592.0, NULL, NULL, NULL, NULL, 5, NULL, NULL, '', 0.0)"
        )
    queue = {"tenant": "clinic", "name": "dropin", "rooms": ["one"]}
    (data / OLD_FILE).write_text(json.dumps([queue]), encoding="utf-8")
