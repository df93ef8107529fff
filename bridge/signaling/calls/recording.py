"""Tells the recorder what rooms decide."""

from __future__ import annotations

from bridge.room import Recording, RoomChanged, RoomClosed, RoomEvent
from bridge.signaling.calls.ports import Recorder


class RecordingControl:
    """A room listener that starts, pauses and stops the recorder. It knows each room that is or may be recorded."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._recording: dict[str, Recording] = {}

    def __call__(self, event: RoomEvent) -> None:
        """Draws the conclusion from an event."""
        if isinstance(event, RoomChanged):
            self._follow(event.room_id, event.state.recording)
        elif isinstance(event, RoomClosed):
            self._follow(event.room_id, Recording.OFF)

    def _follow(self, room_id: str, now: Recording) -> None:
        before = self._recording.pop(room_id, Recording.OFF)
        if now is not Recording.OFF:
            self._recording[room_id] = now
        if now is before:
            return
        if now is Recording.ON:
            self._recorder.start(room_id)
        elif now is Recording.PAUSED:
            self._recorder.pause(room_id)
        elif before in (Recording.ON, Recording.PAUSED):
            self._recorder.stop(room_id)
