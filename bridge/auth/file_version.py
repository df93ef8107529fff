"""Tells whether a file that others may change is still the one that was read."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

SETTLED_NS = 2_000_000_000
"""Nanoseconds after which each change shows in a file's times: what changes twice within one tick of the file system's
clock has equal times before and after. Linux's own file systems tick every 10 ms at least, others every two seconds."""


class FileVersion(NamedTuple):
    """What the file system says of a file. Two that are equal are of the same content, if the first was settled."""

    inode: int
    size: int
    modified_ns: int
    changed_ns: int
    """When anything about it changed; nobody can set this."""

    @classmethod
    def of(cls, path: Path) -> FileVersion:
        """That of a file. Raises `OSError`."""
        found = path.stat()
        return cls(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    @property
    def is_settled(self) -> bool:
        """Whether what is read now cannot change any more without another version."""
        return time.time_ns() - self.changed_ns > SETTLED_NS
