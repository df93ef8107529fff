"""What each call and each session in it came to: for accounts and analysis, without names, identities or content.

`Ledger` follows rooms and samples of media, `RecordStore` keeps its records with the audit log's entries that they
belong to. `RunningStore` keeps what runs, so that `end_interrupted` can end it after a crash. People stand in them as
the pseudonyms of the audit log.
"""

from bridge.records.export import as_csv, as_json_lines
from bridge.records.interrupted import end_interrupted
from bridge.records.ledger import Ledger
from bridge.records.pulse import Pulse
from bridge.records.running_store import RunningStore
from bridge.records.store import RecordArchive, RecordReader, RecordStore

__all__ = [
    "Ledger",
    "Pulse",
    "RecordArchive",
    "RecordReader",
    "RecordStore",
    "RunningStore",
    "as_csv",
    "as_json_lines",
    "end_interrupted",
]
