"""Reading a table page by page, by cursors that outlive neither their row nor its vendor."""

from __future__ import annotations

from bridge.errors import BridgeError
from bridge.storage.database import Database


def position_after(database: Database, table: str, tenant: str, after: str | None, hint: str) -> int:
    """Where in a table of a tenant's rows to read on, behind the row of the id `after`; from the oldest for None.

    Raises `BridgeError` (`cursor_expired`, with the hint) for a row that is kept no more, and `StorageError`.
    """
    if after is None:
        return 0
    row = database.execute(f"SELECT seq FROM {table} WHERE tenant = ? AND id = ?", (tenant, after)).first  # noqa: S608
    if row is None:
        raise BridgeError(
            "cursor_expired", "What came behind this cursor is not all kept any more.", field="cursor", hint=hint
        )
    return int(row[0])
