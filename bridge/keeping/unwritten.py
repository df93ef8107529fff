"""A file for bans that the database does not take, until it does.

A place or an admission that was not written is found out by the mark that is gone, and takes nobody anywhere; a ban
that is not written would let in whom a host has taken out. Times are in seconds since the epoch.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from bridge.room import MAX_BANS, Ban

_log = logging.getLogger(__name__)


class UnwrittenBans:
    """The file. Blocks; nothing is raised, as there is nothing left to be done about it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, bans: Sequence[Ban]) -> None:
        """Has the file hold these, for good also over a power cut; none that there was is left out by its caller."""
        if not bans:
            return
        draft = self._path.with_suffix(".draft")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(list(bans[-MAX_BANS:])))
                file.flush()
                os.fsync(descriptor)
            os.replace(draft, self._path)
        except OSError as error:
            _log.error("Who was taken out may come back after a restart", extra={"error": error.strerror})

    def read(self) -> list[Ban]:
        """Those that are in it; none where there is no file, or none that can be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=list[Ban])
        except FileNotFoundError:
            return []
        except (OSError, msgspec.DecodeError):
            # It names tokens: it is not logged.
            _log.warning(
                "Who was taken out while the database was gone cannot be read", extra={"file": self._path.name}
            )
            return []

    def clear(self) -> None:
        """The database has them."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
