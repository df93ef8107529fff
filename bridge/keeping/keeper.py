"""Takes what is to outlive the bridge from the rooms to the database, and at a start from there to the rooms."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from bridge.errors import BridgeError
from bridge.keeping.mark import Mark
from bridge.keeping.store import RoomStore
from bridge.keeping.unwritten import UnwrittenBans
from bridge.room import (
    MAX_BANS,
    Admitted,
    Ban,
    HostDecided,
    KeptRoom,
    Moved,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RoomChanged,
    RoomClosed,
    RoomEvent,
    RoomOpened,
    Rooms,
    SentBack,
    SessionEnded,
    TokenBanned,
    WaitingJoined,
    WaitingLeft,
    WaitingUpdated,
)
from bridge.storage import Place, StorageError, in_thread

_log = logging.getLogger(__name__)

MARK = "rooms.complete"
"""In the data directory."""
UNWRITTEN_BANS = "bans.unwritten"
"""Beside the mark, while the database takes nothing."""
MAX_OUTAGE = 900.0
"""Seconds without a bridge after which nobody is waited for any more."""
GATHER_SECONDS = 0.05
"""How long changes gather that nobody waits for."""
SETTLE_SECONDS = 2.0
"""How long whoever decided something waits for the disk at most."""
RETRY_SECONDS = 1.0
SWEEP_SECONDS = 1.0
"""After nobody is waited for any more, until the rooms that nobody came back to are forgotten."""

_CHANGES = (
    Admitted
    | HostDecided
    | Moved
    | ParticipantJoined
    | ParticipantLeft
    | ParticipantUpdated
    | RoomChanged
    | RoomClosed
    | RoomOpened
    | SentBack
    | SessionEnded
    | WaitingJoined
    | WaitingLeft
    | WaitingUpdated
)
"""Events after which there may be something else to keep. Media and chat are none of them."""


class RoomKeeper:
    """Writes what changed, some milliseconds later, from `start` to `stop`; calls go on where that is impossible."""

    def __init__(
        self,
        place: Place,
        rooms: Rooms,
        mark: Path,
        reentry: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """`place` is the node's; `clock` and `reentry` (seconds) are those of `rooms`."""
        self._store = RoomStore(place)
        self._name = place.name
        self._rooms = rooms
        self._mark = Mark(mark)
        self._unwritten = UnwrittenBans(mark.with_name(UNWRITTEN_BANS))
        self._reentry = reentry
        self._clock = clock
        self._wall_clock = wall_clock
        self._found: list[str] = []
        """Ids of the rooms that were there at the start."""
        self._changed: dict[str, None] = {}
        self._bans: deque[Ban] = deque(maxlen=MAX_BANS)
        self._leaving: list[Ban] = []
        """On their way to the database."""
        self._written: dict[str, KeptRoom] = {}
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        """Of those who wait for all that has changed so far to be written."""
        self._writing = False
        self._failing = False
        self._marked = False
        self._ending = False
        self._task: asyncio.Task[None] | None = None
        self._sweep: asyncio.TimerHandle | None = None

    def load(self, alive: Callable[[], int]) -> None:
        """Has the rooms go on from what was kept; to be called before anybody joins, after queues are defined.

        `alive` gives when the bridge before this one is known to have run, in microseconds since the epoch; it may
        raise `StorageError`. Blocks. Raises `BridgeError` (`rooms_unreadable`).
        """
        now = self._wall_clock()
        try:
            self._store.open()
            self._store.forget_bans(now)
            rooms, self._found, latest = self._store.rooms()
            if now - max(alive() / 1e6, latest) > MAX_OUTAGE:
                self._store.write(dict.fromkeys(self._found), [], now)
                rooms, self._found = [], []
            elif not self._mark.is_set():
                rooms = [room.distrusted() for room in rooms]
                self._store.write({room.id: room for room in rooms}, [], latest)
            if unwritten := self._unwritten.read():
                self._store.write({}, unwritten, now)
                self._unwritten.clear()
            bans = self._store.bans()
        except StorageError as error:
            raise BridgeError(
                "rooms_unreadable", f"The rooms in {self._name} cannot be used: {error}.", hint="Restore them."
            ) from None
        if rooms and not self._mark.is_set():
            _log.warning("Decisions of hosts were lost: who was let in before has to be let in anew")
        by = self._clock() - now
        self._rooms.keeping.recover([room.moved(by) for room in rooms], [ban.moved(by) for ban in bans])
        if rooms:
            _log.info("Those who were in rooms or waited are waited for", extra={"rooms": len(rooms)})

    def start(self) -> None:
        """Begins to write what changes. Needs a running loop."""
        self._set_mark()
        self._rooms.add_listener(self._on_event)
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._run())
        if self._found:
            self._sweep = loop.call_later(self._reentry + SWEEP_SECONDS, self._forget_found)

    async def stop(self) -> None:
        """Writes what waits, if that is possible, and nothing of what happens to the rooms from then on. Idempotent."""
        if self._sweep is not None:
            self._sweep.cancel()
        if self._task is not None:
            self._ending = True
            self._wake.set()
            self._urgent.set()
            await asyncio.wait([self._task], timeout=SETTLE_SECONDS)
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
            self._rooms.remove_listener(self._on_event)

    def close(self) -> None:
        """Lets go of the database. Idempotent."""
        self._store.close()

    def forget_bans(self) -> int:
        """Takes out bans of tokens that have ended; gives how many. Blocks. Raises `StorageError`."""
        return self._store.forget_bans(self._wall_clock())

    async def settled(self) -> None:
        """Returns when what was decided so far is on disk, or is known to be missing there; never raises."""
        if self._task is None or not (self._changed or self._bans or self._writing):
            return
        # Once the mark is lifted, nobody has to wait for a disk that does nothing.
        if not self._failing and self._marked:
            written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(written)
            self._urgent.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_SECONDS):
                    await written
                    return
            await self._lift_mark()

    # Inside

    def _on_event(self, event: RoomEvent) -> None:
        if isinstance(event, TokenBanned):
            self._bans.append(event.ban)
        elif not isinstance(event, _CHANGES):
            return
        self._changed[event.room_id] = None
        self._wake.set()

    def _forget_found(self) -> None:
        """Those that were opened anew are kept as they are."""
        self._changed.update(dict.fromkeys(self._found))
        self._found.clear()
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GATHER_SECONDS):
                    await self._urgent.wait()
            self._wake.clear()
            self._urgent.clear()
            written = await self._write()
            if self._ending:
                return
            if not written:
                self._wake.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def _write(self) -> bool:
        """Whether all that had changed is on disk."""
        kept = {room_id: self._rooms.keeping.kept(room_id) for room_id in self._changed}
        changed = {
            room_id: room for room_id, room in kept.items() if room is None or room != self._written.get(room_id)
        }
        bans, waiting = list(self._bans), self._waiting
        self._leaving = bans
        self._changed, self._waiting = {}, []
        self._bans.clear()
        now = self._wall_clock()
        by = now - self._clock()
        rows = {room_id: None if room is None else room.moved(by) for room_id, room in changed.items()}
        self._writing = True
        try:
            if rows or bans:
                await in_thread(self._store.write, rows, [ban.moved(by) for ban in bans], now)
        except StorageError as error:
            self._changed = {**dict.fromkeys(kept), **self._changed}
            self._bans.extendleft(reversed(bans))
            self._leaving = []
            await self._lift_mark()
            if not self._failing:
                _log.error("What outlives the bridge cannot be written: calls go on", extra={"error": str(error)})
            self._failing = True
            return False
        finally:
            self._writing = False
            for each in waiting:
                if not each.done():
                    each.set_result(None)
        self._leaving = []
        for room_id, room in changed.items():
            if room is None:
                self._written.pop(room_id, None)
            else:
                self._written[room_id] = room
        if self._failing:
            self._failing = False
            _log.info("What outlives the bridge can be written again")
        if not self._marked:
            self._unwritten.clear()
            self._set_mark()
        return True

    def _set_mark(self) -> None:
        try:
            self._mark.set()
            self._marked = True
        except OSError as error:
            _log.warning("Who is let in will not outlive the bridge", extra={"error": str(error)})

    async def _lift_mark(self) -> None:
        """Until the next time that all is written; bans go where they can be meanwhile."""
        self._marked = False
        self._wake.set()
        by = self._wall_clock() - self._clock()
        bans = [ban.moved(by) for ban in (*self._leaving, *self._bans)]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                await in_thread(self._mark.lift)
                await in_thread(self._unwritten.keep, bans)
