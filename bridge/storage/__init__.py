"""Where the bridge keeps what has to outlive it: files of SQLite, or schemas of a PostgreSQL server.

A `Place` is one of either; stores open a `Database` in it and write the same SQL whichever it is. `Storage` is what the
settings say.
"""

from bridge.errors import StorageError
from bridge.storage.choice import Storage
from bridge.storage.database import Database, NewerVersionError, Place, Result, Value, narrowed
from bridge.storage.paging import position_after
from bridge.storage.sqlite import SqlitePlace
from bridge.storage.threads import in_thread, in_time

__all__ = [
    "Database",
    "NewerVersionError",
    "Place",
    "Result",
    "SqlitePlace",
    "Storage",
    "StorageError",
    "Value",
    "in_thread",
    "in_time",
    "narrowed",
    "position_after",
]
