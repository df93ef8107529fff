"""Keeps on disk what outlives a bridge that is killed: places, admissions, locks and bans."""

from bridge.keeping.keeper import MARK, UNWRITTEN_BANS, RoomKeeper
from bridge.keeping.store import MIGRATIONS, STORE, RoomStore

__all__ = ["MARK", "MIGRATIONS", "STORE", "UNWRITTEN_BANS", "RoomKeeper", "RoomStore"]
