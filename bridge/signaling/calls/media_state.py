"""How it stands with a client's media as a whole: told when it changes, and to a door that attaches later."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from bridge.sfu import QualityReport, ViewState
from bridge.signaling.calls.notices import ActiveSpeaker, MediaModeChanged, QualityChanged, ViewChanged

if TYPE_CHECKING:
    from bridge.signaling.calls.call import Call

_FORWARDED = MediaModeChanged(())


class MediaState:
    """Who speaks, what is decoded inside the bridge, whether the pictures come composed, how good the lines are."""

    def __init__(self, call: Call) -> None:
        self._call = weakref.proxy(call)
        self.quality: QualityChanged | None = None
        """Of the client's own lines; None while nothing is known."""
        self._active_speaker: ActiveSpeaker | None = None
        self._media_mode = _FORWARDED
        self._view: ViewChanged | None = None

    def set_active_speaker(self, speaker: ActiveSpeaker) -> None:
        """Tells who speaks."""
        self._active_speaker = speaker
        self._call.tell(speaker)

    def set_media_mode(self, mode: MediaModeChanged) -> None:
        """Tells whether media is decoded inside the bridge."""
        if mode != self._media_mode:
            self._media_mode = mode
            self._call.tell(mode)

    def set_view(self, state: ViewState) -> None:
        """Tells whether the pictures come composed."""
        self._view = ViewChanged(state)
        self._call.tell(self._view)

    def set_quality(self, report: QualityReport) -> None:
        """Tells the room how good this client's lines are."""
        self.quality = QualityChanged(self._call.session.participant_id, report)
        self._call.tell_room(self.quality)

    def catch_up(self) -> None:
        """Tells what holds now to whoever attaches later, but for quality: that of others' lines is told, too."""
        if self._active_speaker is not None:
            self._call.tell(self._active_speaker)
        if self._media_mode != _FORWARDED:
            self._call.tell(self._media_mode)
        if self._view is not None:
            self._call.tell(self._view)

    def forget(self) -> None:
        """The client is in the lobby, and has no media."""
        self.quality, self._active_speaker, self._media_mode, self._view = None, None, _FORWARDED, None
