"""Records as lines: JSON for programs, CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator

from bridge.records.store import Record

COLUMNS = (
    *("id", "record", "tenant", "room", "call", "started", "ended", "seconds", "reason"),
    *("sessions", "participant_minutes", "most_participants", "joins", "waits", "longest_wait_seconds"),
    *("refused", "removed", "recorded_seconds", "mos", "mos_min"),
    *("person", "session", "participant", "role", "level", "door", "waited_seconds", "protocol"),
    *("round_trip_ms", "round_trip_ms_max"),
    *(
        f"{direction}_{measure}"
        for direction in ("sent", "received")
        for measure in (
            *("codecs", "bytes", "kbps", "loss_percent", "loss_percent_max", "jitter_ms", "jitter_ms_max"),
            *("mos", "mos_min", "stalls"),
        )
    ),
    "received_reduced_seconds",
)
"""All fields of both kinds of records, in the order of the CSV."""


def as_json_lines(records: Iterable[Record]) -> Iterator[str]:
    """One object a line."""
    return (json.dumps(record, ensure_ascii=False) for record in records)


def as_csv(records: Iterable[Record]) -> Iterator[str]:
    """A line of headings, then one for each record; what a record has not is empty (RFC 4180)."""
    yield ",".join(COLUMNS)
    for record in records:
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow([record.get(column, "") for column in COLUMNS])
        yield line.getvalue()
