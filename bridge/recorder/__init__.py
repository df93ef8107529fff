"""Records rooms: the `Recorder` of `signaling`, put together of rooms, media, legs and the store of recordings."""

from bridge.recorder.archive import TenantArchive
from bridge.recorder.recorder import RoomRecorder
from bridge.recorder.room_recording import Services
from bridge.recorder.streams import streams_of_mode

__all__ = ["RoomRecorder", "Services", "TenantArchive", "streams_of_mode"]
