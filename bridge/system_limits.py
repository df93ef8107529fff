"""What the system grants this process: as many open files as it may have, and how large its sockets' buffers are."""

from __future__ import annotations

import contextlib
import logging
import resource
from collections.abc import Iterable

from bridge.settings import MediaSection
from bridge.sfu import WorkerReport

_log = logging.getLogger(__name__)

FILES_WANTED = 16_384
"""Open files: two for each participant that comes over TCP and WebSocket, and some to spare."""


def raise_file_limit() -> None:
    """Every connection is an open file, and the usual soft limit of 1,024 is there for programs that use select().

    Says so where even the hard limit is low: whoever comes when there are no files left is not let in, in silence.
    """
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < FILES_WANTED:
        _log.warning(
            "The limit of open files is low: raise it (LimitNOFILE= in systemd, ulimit -n else)",
            extra={"granted": hard, "wanted": FILES_WANTED},
        )


def log_capabilities(workers: Iterable[WorkerReport], media: MediaSection) -> None:
    """Says what the kernel grants, and where that is less than what was asked for."""
    for worker in workers:
        granted = worker.capabilities
        _log.info("A worker runs", extra={"worker": worker.index, **granted})
        for name, wanted, sysctl in (
            ("receive_buffer_bytes", media.receive_buffer, "net.core.rmem_max"),
            ("send_buffer_bytes", media.send_buffer, "net.core.wmem_max"),
        ):
            if granted[name] < wanted:  # type: ignore[literal-required]
                _log.warning(
                    "The system's limit for socket buffers is too small: bursts may be dropped",
                    extra={"worker": worker.index, "sysctl": sysctl, "wanted": wanted},
                )
