"""What a client's line makes of each video that it receives."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from bridge.sfu import VideoState
from bridge.signaling.calls.notices import VideoStateChanged
from bridge.signaling.calls.ports import SessionObserver

if TYPE_CHECKING:
    from bridge.signaling.calls.call import Call

_TOO_LITTLE = (VideoState.STILLS, VideoState.PAUSED)
"""What a line makes of a video that is no longer one."""


class VideoStates:
    """Those that are other than `VideoState.VIDEO`."""

    def __init__(self, call: Call, observer: SessionObserver) -> None:
        """`observer` hears when a line becomes too weak for a video, and when it no longer is."""
        self._call = weakref.proxy(call)
        self._observer = observer
        self._states: dict[int, VideoState] = {}

    def set(self, source_id: int, state: VideoState) -> None:
        """Tells what the line makes of a video now."""
        if state is not self._states.get(source_id, VideoState.VIDEO):
            self._call.tell(VideoStateChanged(source_id, state))
        self._keep(source_id, state)

    def forget(self, source_id: int) -> None:
        """The video is gone."""
        self._keep(source_id, VideoState.VIDEO)

    def forget_all(self) -> None:
        """All of them are gone."""
        for source_id in tuple(self._states):
            self.forget(source_id)

    def catch_up(self) -> None:
        """Tells what holds now to whoever attaches later."""
        for source_id, state in self._states.items():
            self._call.tell(VideoStateChanged(source_id, state))

    def _keep(self, source_id: int, state: VideoState) -> None:
        before = self._states.pop(source_id, VideoState.VIDEO)
        if state is not VideoState.VIDEO:
            self._states[source_id] = state
        if (state in _TOO_LITTLE) is not (before in _TOO_LITTLE):
            self._observer.on_video_reduced(self._call.session.id, source_id, state in _TOO_LITTLE)
