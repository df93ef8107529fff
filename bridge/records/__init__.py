"""What each call and each session in it came to: for accounts and analysis, without names, identities or content.

`Ledger` follows rooms and samples of media, `RecordStore` keeps its records with the audit log's entries that they
belong to. People stand in them as the pseudonyms of the audit log.
"""

from bridge.records.export import as_csv, as_json_lines
from bridge.records.ledger import Ledger
from bridge.records.store import RecordArchive, RecordReader, RecordStore

__all__ = ["Ledger", "RecordArchive", "RecordReader", "RecordStore", "as_csv", "as_json_lines"]
