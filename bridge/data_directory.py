"""The folder in which a bridge keeps what has to outlive it, and the lock that keeps two bridges out of one folder."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from pathlib import Path

from bridge.errors import BridgeError

LOCK_NAME = "lock"


class DataDirectoryError(BridgeError):
    """The folder cannot be used. Codes: `data_directory_unusable`, `data_directory_in_use`."""


def make_data_directory(path: Path) -> None:
    """Makes the folder for its owner only, if it is not there. Raises `DataDirectoryError`."""
    try:
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError
    except OSError as error:
        raise DataDirectoryError(
            "data_directory_unusable",
            f"The data directory {path} cannot be used: {error.strerror or 'no permission'}.",
            hint="Choose another with --data, or give this one to the user that runs the bridge.",
        ) from None


def need_data_directory(path: Path) -> None:
    """For what only looks into a folder: one that is not there is a slip, and not an empty one.

    Raises `DataDirectoryError`.
    """
    if not path.is_dir():
        raise DataDirectoryError(
            "data_directory_unusable",
            f"There is no data directory {path}.",
            hint="Name that of the bridge with --data, or data.directory in the settings.",
        )


def create_whole(path: Path, content: bytes) -> None:
    """Makes a file for its owner only, on disk as a whole or not at all; leaves one that is there as it is.

    So two processes may start at the same time. Raises `OSError`.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        # What another process made a moment ago is as good.
        return
    finally:
        draft.unlink()


class DataDirectory:
    """The folder, held by this process until `release`."""

    def __init__(self, path: Path) -> None:
        """Takes hold of it. Raises `DataDirectoryError`. The lock ends with the process, whatever ends that."""
        make_data_directory(path)
        self.path = path
        self._lock = os.open(path / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise DataDirectoryError(
                "data_directory_in_use",
                f"Another bridge runs with the data directory {path}.",
                hint="Give each its own with --data.",
            ) from None

    def release(self) -> None:
        """Lets go of it. To be called once."""
        os.close(self._lock)
