"""What the system grants this process: as many open files as it may have, and how large its sockets' buffers are."""

from __future__ import annotations

import contextlib
import logging
import resource
from collections.abc import Iterable

from bridge.settings import MediaSection
from bridge.sfu import WorkerReport

_log = logging.getLogger(__name__)


def raise_file_limit() -> None:
    """Every connection is an open file, and the usual soft limit of 1,024 is there for programs that use select()."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


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
