"""Takes entries from the event loop to the store, which a thread of its own writes to.

Whatever came while the thread was writing goes into the next commit as a whole (group commit), so that the cost of
reaching the disk is shared by all who come at the same time.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bridge.audit.chain import Entry, Seal, head_text
from bridge.audit.errors import AuditError
from bridge.audit.keys import SealingKey
from bridge.audit.store import AuditStore, Companion
from bridge.storage import Place, StorageError

_log = logging.getLogger(__name__)

MAX_COMMIT = 500
"""Entries in one commit."""
LINGER_SECONDS = 0.005
"""How long the thread lets entries gather that nobody waits for: Python runs one thread at a time, and whoever caused
them is answered first."""
RETRY_SECONDS = 1.0
CONFIRM_SECONDS = 5.0
STALLED_SECONDS = 5.0
"""A commit that takes longer counts as one that cannot be made, until it is made."""
PROBE_SECONDS = 1.0
"""Between two looks for a database that nothing is written to."""
PRUNE_SECONDS = 3600.0
HEAD_LOG_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """Durations in seconds."""

    retention: float
    """How long entries are kept."""
    capacity: int = 10_000
    """Entries that wait to be written, at most; what comes on top of that is counted as lost."""


class AuditLog:
    """The audit log of a running bridge."""

    def __init__(
        self,
        data: Path,
        place: Place,
        key: SealingKey,
        settings: AuditSettings,
        *,
        companion: Companion | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`data`, `place`, `key` and `companion`: see `AuditStore`. `clock` gives seconds since the epoch."""
        self._companion = companion
        self._data = data
        self._place = place
        self._key = key
        self._settings = settings
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Entry, Future[None] | None]] = deque()
        self._lingering = False
        self._urgent = False
        """Whether somebody waits for an entry to be on disk."""
        self._lost = 0
        self._failing: str | None = "not started"
        self._resumed: Entry | None = None
        """The entry that ends the time in which nothing could be written; None while it can, and once it is written."""
        self._gap: tuple[Entry, int] | None = None
        """The entry that tells of so many lost ones, until it is known to be written: the store knows it again."""
        self._unnoted: Seal | None = None
        """How far the chain reaches, while that could not be noted beside it."""
        self._began: float | None = None
        """When what is asked of the database began: a disk, or a server, may neither do it nor refuse it."""
        self._closing = False
        self._thread: threading.Thread | None = None
        self._next_prune = 0.0
        self._next_head_log = 0.0

    def start(self, first: Callable[[AuditStore], None] = lambda _store: None) -> None:
        """Opens the store and begins to write; `first` may write to it before anybody else does, in this thread.

        Raises `AuditError` where the store cannot be used, and what `first` raises.
        """
        try:
            store = AuditStore(self._data, self._place, self._key, companion=self._companion, clock=self._clock)
        except (StorageError, OSError) as error:
            raise AuditError(
                "audit_unavailable", f"The audit log in {self._place.name} cannot be written: {error}."
            ) from error
        try:
            first(store)
        except BaseException:
            store.close()
            raise
        self._failing = None
        self._thread = threading.Thread(target=self._run, args=(store,), name="audit", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Writes what waits, if that is possible, and ends. Blocks for one commit or so. Idempotent."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._failing = "closed"

    @property
    def writable(self) -> bool:
        """Whether what is taken down now reaches the disk. New rooms wait for that."""
        began = self._began
        return self._failing is None and (began is None or time.monotonic() < began + STALLED_SECONDS)

    @property
    def lost(self) -> int:
        """Entries that found no place to wait, since the last that could be written."""
        return self._lost

    def append(self, entry: Entry) -> None:
        """Takes something down that has happened already. It is on disk a commit later; never blocks, never raises."""
        with self._changed:
            if len(self._waiting) >= self._settings.capacity:
                self._lost += 1
                return
            self._waiting.append((entry, None))
            if not self._lingering:
                self._changed.notify()

    async def confirm(self, entry: Entry) -> None:
        """Takes something down and returns when it is on disk: for what must not happen without a trace.

        Raises `AuditError` (`audit_unavailable`).
        """
        written: Future[None] = Future()
        with self._changed:
            refused = not self.writable or len(self._waiting) >= self._settings.capacity
            if not refused:
                self._waiting.append((entry, written))
                self._urgent = True
                self._changed.notify()
        if refused:
            raise unavailable()
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                await asyncio.wrap_future(written)
        except TimeoutError:
            raise unavailable() from None

    # In the thread

    def _run(self, store: AuditStore) -> None:
        try:
            while True:
                with self._changed:
                    if not self._waiting and not self._closing:
                        self._changed.wait(PROBE_SECONDS)
                    self._linger()
                    batch = [self._waiting.popleft() for _ in range(min(MAX_COMMIT, len(self._waiting)))]
                    lost, ending = self._lost, self._closing
                owed = self._resumed is not None or self._unnoted is not None
                if batch or lost or (owed and not ending):
                    self._commit(store, batch, lost)
                elif ending:
                    return
                else:
                    self._probe(store)
                if self._failing is None:
                    self._prune(store)
                elif ending:
                    _log.error("Audit entries could not be written", extra={"entries": len(self._waiting)})
                    return
                else:
                    with self._changed:
                        self._changed.wait_for(lambda: self._closing, RETRY_SECONDS)
        finally:
            store.close()

    def _linger(self) -> None:
        """Called with the lock, which it gives up meanwhile."""
        if self._waiting and not self._urgent:
            self._lingering = True
            self._changed.wait_for(lambda: self._urgent or self._closing, LINGER_SECONDS)
            self._lingering = False
        self._urgent = False

    def _commit(self, store: AuditStore, batch: list[tuple[Entry, Future[None] | None]], lost: int) -> None:
        noted = self._note_head(store)
        entries = [entry for entry, _ in batch]
        if lost and self._gap is None:
            self._gap = Entry("entries_lost", details={"entries": lost}), lost
        if self._gap is not None:
            entries.append(self._gap[0])
        # While the head cannot be noted, the time that it would end goes on.
        resumed = self._resumed if noted else None
        if resumed is not None:
            entries.append(resumed)
        if not entries:
            return
        with self._asking():
            try:
                self._unnoted = store.append(entries)
            except (AuditError, StorageError, OSError) as error:
                self._fail(error)
                with self._changed:
                    # Whoever waits for confirmation is refused, and what it asked for does not happen.
                    kept = [each for each in batch if each[1] is None]
                    self._waiting.extendleft(reversed(kept))
                for _, written in batch:
                    # One whose caller gave up waiting is cancelled.
                    if written is not None and written.set_running_or_notify_cancel():
                        written.set_exception(unavailable())
                return
        if self._gap is not None:
            with self._changed:
                self._lost -= self._gap[1]
            self._gap = None
        if resumed is not None:
            self._resumed = None
        for _, written in batch:
            if written is not None and written.set_running_or_notify_cancel():
                written.set_result(None)
        self._note_head(store)

    def _note_head(self, store: AuditStore) -> bool:
        """Whether how far the chain reaches stands beside it now."""
        if self._unnoted is not None:
            try:
                store.write_head(self._unnoted)
            except OSError as error:
                self._fail(error)
                return False
            self._log_head(self._unnoted)
            self._unnoted = None
            if self._failing is not None and self._resumed is None:
                self._failing = None
                _log.info("The audit log can be written again")
        return True

    def _probe(self, store: AuditStore) -> None:
        """Notices a database that is gone before somebody opens a room in vain."""
        with self._asking():
            try:
                store.check()
            except (StorageError, OSError) as error:
                self._fail(error)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Around whatever is asked of the database; a failure is noted within, so that `writable` misses nothing."""
        self._began = time.monotonic()
        try:
            yield
        finally:
            self._began = None

    def _fail(self, error: Exception) -> None:
        if self._failing is None:
            # Also what is written to see whether that is possible again, when nothing else is.
            self._resumed = Entry("audit_resumed", details={"since": int(self._clock() * 1e6)})
        reason = f"{type(error).__name__}: {error}"
        # A database that comes back without its entries is another matter than one that is gone.
        if reason != self._failing:
            _log.error(
                "The audit log cannot be written: calls go on, new rooms are refused",
                extra={"error": type(error).__name__, "detail": str(error)},
            )
        self._failing = reason

    def _prune(self, store: AuditStore) -> None:
        if time.monotonic() < self._next_prune:
            return
        self._next_prune = time.monotonic() + PRUNE_SECONDS
        with self._asking():
            try:
                removed = store.prune(self._clock() - self._settings.retention)
            except (StorageError, OSError) as error:
                self._fail(error)
                return
        if removed:
            self.append(Entry("retention", details={"entries": removed}))

    def _log_head(self, seal: Seal) -> None:
        """Notes the head where whoever can change the database may have no hand: in the logs."""
        if time.monotonic() >= self._next_head_log:
            self._next_head_log = time.monotonic() + HEAD_LOG_SECONDS
            _log.info("Head of the audit log", extra={"head": head_text(seal.seq, seal.hash)})


def unavailable() -> AuditError:
    """The refusal of what needs to be taken down while nothing can be."""
    return AuditError(
        "audit_unavailable", "The bridge cannot keep its audit log at the moment.", hint="Try again in a moment."
    )
