"""A file whose presence says that nothing is missing in the database.

Where the disk is full, or the database gone, a decision of a host cannot be written down; that a file is taken away can
be, mostly. Whoever finds none lets nobody in by what the database says.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


class Mark:
    """The file. Blocks."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def is_set(self) -> bool:
        """Whether it is there."""
        return self._path.exists()

    def set(self) -> None:
        """Makes it. Raises `OSError`."""
        self._path.touch(mode=0o600)

    def lift(self) -> None:
        """Takes it away, if that is possible, for good also over a power cut."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
