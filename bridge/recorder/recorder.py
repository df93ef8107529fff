"""All recordings that are being made. Fits `bridge.signaling.calls.Recorder`, and listens to rooms."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from bridge.audit import Entry
from bridge.recorder.room_recording import RoomRecording, Services
from bridge.room import ConsentAnswered, RoomClosed, RoomEvent

_log = logging.getLogger(__name__)


class RoomRecorder:
    """Starts, pauses and stops recordings as rooms say."""

    def __init__(self, services: Services, append: Callable[[Entry], None]) -> None:
        """`append` takes down what happened in the audit log."""
        self._services = services
        self._append = append
        self._running: dict[str, RoomRecording] = {}
        """By room."""
        self._changed: set[str] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._failures: dict[RoomRecording, str] = {}
        self._consents: dict[str, str] = {}
        """Ids of what was consented to last, by room: they stand in the audit log with each consent."""

    # As a `Recorder`

    def start(self, room_id: str) -> None:
        """Everyone has consented: records from now on, or goes on."""
        running = self._running.get(room_id)
        if running is not None:
            running.resume()
        else:
            self._running[room_id] = RoomRecording(room_id, self._services, self._on_failed)

    def pause(self, room_id: str) -> None:
        """Somebody is about to enter who has not consented yet."""
        if room_id in self._running:
            self._running[room_id].pause()

    def stop(self, room_id: str) -> None:
        """It is over."""
        running = self._running.pop(room_id, None)
        if running is not None:
            reason = self._failures.pop(running, "stopped")
            running.halt(reason)
            consent = self._consents.pop(room_id, "")
            task = asyncio.get_running_loop().create_task(self._end(running, reason, consent))
            self._ending.add(task)
            task.add_done_callback(self._ended)

    # As a room listener

    def __call__(self, event: RoomEvent) -> None:
        """What happens in a room that is recorded."""
        if isinstance(event, ConsentAnswered):
            self._consents[event.room_id] = event.request.id
        elif isinstance(event, RoomClosed):
            self.stop(event.room_id)
            self._consents.pop(event.room_id, None)
        running = self._running.get(event.room_id)
        if running is None:
            return
        running.handle(event)
        # Calls say which producer carries a source once they have told the room of it.
        if not self._changed:
            asyncio.get_running_loop().call_soon(self._follow)
        self._changed.add(event.room_id)

    def described(self, room_id: str) -> list[dict[str, Any]]:
        """The leg that records a room, for operators."""
        running = self._running.get(room_id)
        described = None if running is None else running.described()
        return [] if described is None else [described]

    async def close(self) -> None:
        """Ends all recordings; returns when they are written."""
        for room_id in list(self._running):
            self.stop(room_id)
        while self._ending:
            await asyncio.gather(*self._ending, return_exceptions=True)

    # Inside

    def _follow(self) -> None:
        changed, self._changed = self._changed, set()
        for room_id in changed:
            if room_id in self._running:
                self._running[room_id].follow()

    def _on_failed(self, running: RoomRecording, code: str) -> None:
        if self._running.get(running.room_id) is not running:
            return
        _log.error("A recording ends by itself", extra={"code": code})
        self._failures[running] = code
        # The room tells everyone, and then has it stopped as it stops any other.
        self._services.rooms.participation.recording_failed(running.room_id, code)
        self._services.arm()

    async def _end(self, running: RoomRecording, reason: str, consent: str) -> None:
        await running.finish()
        if running.id is not None:
            tenant, _, room = running.room_id.partition("/")
            details = {"recording": consent, "recording_id": running.id, "reason": reason}
            self._append(Entry("recording_ready", tenant, room, details=details))
            _log.info("A recording has ended", extra={"recording": running.id, "reason": reason})

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._ending.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("A recording could not be ended as it should", exc_info=error)
