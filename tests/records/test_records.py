"""Records of calls and sessions: what they say, who may read them, and how long they are kept."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bridge.audit import PUBLIC_KEY, AuditReader, AuditStore, Entry, SealChecker, SealingKey, verify
from bridge.errors import BridgeError
from bridge.records import Ledger, RecordReader, RecordStore, as_csv, as_json_lines
from bridge.records.export import COLUMNS
from bridge.records.store import Record
from bridge.room import Metering, Session
from bridge.sfu.quality import Sample
from bridge.storage import Place
from tests.room.hall import Consultation
from tests.signaling.house import Claims
from tests.support.places import Places


@dataclass
class Media:
    session_id: str
    samples: tuple[Sample, Sample]


def carried(transport_id: int, received: int, sent: int) -> Mapping[str, Any]:
    transport = {"transport_id": transport_id, "protocol": "udp", "bytes_received": received, "bytes_sent": sent}
    return {"publish": transport, "subscribe": transport}


class Kept:
    """A call of which records are kept in a data directory."""

    def __init__(self, data: Path, place: Place) -> None:
        self.data = data
        self.place = place
        self.room = Consultation()
        self.entries: list[Entry] = []
        self.ledger = Ledger(
            self.entries.append,
            lambda tenant, identity: f"pseudonym of {len(identity)} letters",
            clock=lambda: self.room.now,
            wall_clock=lambda: self.room.now,
        )
        self.room.rooms.add_listener(self.ledger)
        self.room.rooms.add_listener(Metering(lambda: self.room.now, self.ledger.on_room_record))

    def join(self, identity: str, role: str) -> Session:
        session = self.room.join(identity, role)
        claims = Claims("clinic", "time-1", identity, "Kari Nordmann", role, frozenset(), level="idporten-loa-high")
        self.ledger.on_opened(session, claims, "websocket")
        return session

    def write(self) -> RecordReader:
        store = RecordStore(self.place)
        audit = AuditStore(self.data, self.place, SealingKey.load(self.data), companion=store.add)
        store.open()
        audit.append(self.entries)
        audit.close()
        store.close()
        return RecordReader(self.place.snapshot())


@pytest.fixture
def kept(places: Places, tmp_path: Path) -> Kept:
    """A doctor, and a patient who waited a minute, was in for ten, and had a bad line for a while."""
    kept = Kept(tmp_path, places.node(tmp_path))
    doctor, kari = kept.join("doctor", "fastlege"), kept.join("kari.nordmann", "pasient")
    kept.room.wait(60.0)
    kept.room.moderation.admit(doctor.id)
    opus, both = frozenset({"opus"}), frozenset({"opus", "VP8"})
    for received, lost, score in ((600_000, 0.02, 4.2), (1_200_000, 0.0, 3.8)):
        samples = Sample(opus, lost, 0.004, None, score), Sample(both, lost, 0.010, 0.08, score)
        kept.ledger.on_sampled(Media(kari.id, samples), carried(1, received, 2 * received))
        kept.room.wait(150.0)
    kept.ledger.on_stalled(kari.id, to_bridge=False)
    kept.ledger.on_video_reduced(kari.id, 7, True)
    kept.room.wait(30.0)
    kept.ledger.on_video_reduced(kari.id, 7, False)
    # Another transport begins to count anew.
    kept.ledger.on_sampled(Media(kari.id, (Sample(), Sample())), carried(2, 300_000, 0))
    kept.room.wait(270.0)
    kept.room.moderation.end(doctor.id)
    kept.room.wait(10.0)
    return kept


def test_a_session_and_its_call_are_written_down_without_a_name(kept: Kept) -> None:
    records = list(kept.write().between(None, None, None))
    assert [(each["record"], each.get("role")) for each in records] == [
        ("session", "fastlege"),
        ("session", "pasient"),
        ("call", None),
    ]
    doctor, kari, call = records
    expected = {
        "person": "pseudonym of 13 letters",
        "door": "websocket",
        "level": "idporten-loa-high",
        "reason": "ended",
        "started": "1970-01-01T00:16:40Z",
        "seconds": 600.0,
        "waited_seconds": 60.0,
        "protocol": "udp",
        "round_trip_ms": 80.0,
        "sent_codecs": "opus",
        "sent_bytes": 1_500_000,
        "sent_kbps": 20.0,
        "sent_loss_percent": 1.0,
        "sent_loss_percent_max": 2.0,
        "sent_mos": 4.0,
        "sent_mos_min": 3.8,
        "sent_stalls": 0,
        "received_codecs": "VP8,opus",
        "received_bytes": 2_400_000,
        "received_jitter_ms": 10.0,
        "received_stalls": 1,
        "received_reduced_seconds": 30.0,
    }
    assert {key: kari[key] for key in expected} == expected
    assert not [key for key in doctor if key.startswith(("sent_", "received_"))]
    assert (call["sessions"], call["participant_minutes"], call["seconds"], call["mos"]) == (2, 21.0, 670.0, 4.0)
    assert {each["call"] for each in records} == {call["call"]}
    text = "\n".join(as_json_lines(records))
    # No shorter words: ids are letters by chance.
    assert "nordmann" not in text.lower()
    assert "doctor" not in text


def test_what_is_measured_is_no_part_of_the_chain_so_that_it_may_be_deleted_earlier(kept: Kept) -> None:
    kept.write()
    reader = AuditReader(kept.place)
    rows = [json.loads(row.details) for row in reader.rows() if row.kind == "session_ended"]
    assert set(rows[1]) == {"call", "session", "participant", "seconds", "reason"}
    store = RecordStore(kept.place)
    store.open()
    assert store.forget(2.0**33) == 3
    store.close()
    assert verify(reader, SealChecker.from_pem(kept.data / PUBLIC_KEY)).findings == ()
    reader.close()
    assert list(RecordReader(kept.place.snapshot()).between(None, None, None)) == []


def test_a_vendor_reads_its_own_records_page_by_page(kept: Kept) -> None:
    reader = kept.write()

    def page(tenant: str = "clinic", after: str | None = None, limit: int = 9, **filters: Any) -> list[Record]:
        narrowed = {"room": None, "kind": None, "since": None, "until": None, **filters}
        return reader.page(tenant, after, limit, **narrowed)

    first = page(limit=2)
    assert [each["record"] for each in page(after=str(first[-1]["id"]))] == ["call"]
    assert page("other") == []
    assert [each["record"] for each in page(kind="call")] == ["call"]
    for nothing in ({"room": "time-2"}, {"until": 0}, {"since": 2**70}):
        assert page(**nothing) == []
    with pytest.raises(BridgeError) as foreign:
        page("other", after=str(first[0]["id"]))
    assert foreign.value.code == "cursor_expired"


def test_spreadsheets_have_a_column_for_everything_that_any_record_has(kept: Kept) -> None:
    records = list(kept.write().between(None, None, "clinic"))
    lines = list(as_csv(records))
    rows = list(csv.DictReader(lines))
    assert {key for record in records for key in record} <= set(COLUMNS)
    assert rows[1]["received_codecs"] == "VP8,opus"
    assert rows[2]["joins"] == "fastlege:1,pasient:1"
    assert rows[2]["role"] == ""


def test_there_are_no_records_before_the_first_start(places: Places, tmp_path: Path) -> None:
    # Whoever makes an API key has it stand in the audit log, which is in the same database.
    place = places.node(tmp_path)
    AuditStore(tmp_path, place, SealingKey.load(tmp_path)).close()
    with pytest.raises(BridgeError) as caught:
        list(RecordReader(place.snapshot()).between(None, None, None))
    assert caught.value.code == "records_unavailable"
    assert "no records" in caught.value.message
