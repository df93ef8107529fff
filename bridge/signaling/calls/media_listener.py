"""Translates what a media session tells (producers) into what a call tells (sources)."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bridge.room import EndReason, MediaKind
from bridge.sfu import (
    AudioLevel,
    ConnectionKind,
    ConnectionState,
    LegReport,
    QualityReport,
    VideoState,
    ViewState,
    WantedEncodings,
)
from bridge.signaling.calls.notices import (
    ActiveSpeaker,
    AudioLevels,
    FlowChanged,
    MediaModeChanged,
    SourceLevel,
    TranscodedSource,
)
from bridge.signaling.calls.ports import Door
from bridge.signaling.calls.source_table import SourceTable

if TYPE_CHECKING:
    from bridge.signaling.calls.call import Call


class MediaListener:
    """The `bridge.sfu.SessionListener` of one call."""

    def __init__(self, call: Call, table: SourceTable) -> None:
        # Calls own their media, and the media knows its listener: no cycle, so that ended calls are freed at once.
        self._call = weakref.proxy(call)
        self._table = table
        self._over = False

    def forget(self) -> None:
        """The media is let go of by our doing: what it still tells is about what is gone."""
        self._over = True

    def on_connection(self, kind: ConnectionKind, state: ConnectionState) -> None:
        """Tells the client, and draws conclusions about its presence."""
        if self._over:
            return
        self._call.presence.connection(kind, state)

    def restarts_ice(self) -> bool:
        """Whether its door can ask the client."""
        return not self._over and self._call.presence.restarts_ice

    def on_restart_wanted(self, kind: ConnectionKind) -> None:
        """Has the client's ICE restarted, if it can be told."""
        if self._over:
            return
        self._call.presence.restart_wanted(kind)

    def on_producer(self, producer_id: int, live: bool) -> None:
        """Tells everyone in the room: nobody receives what the bridge does not. A muted source may well be silent."""
        if self._over:
            return
        carried = self._table.of_producer(producer_id)
        if carried is None or self._table.is_stalled(carried.source_id) != live:
            return
        if live or not self._call.is_muted(carried.source_id):
            self._table.set_live(carried.source_id, live)
            self._call.tell_room(FlowChanged(carried.source_id, to_bridge=True, live=live))
            if not live:
                self._call.count_stall(to_bridge=True)

    def on_consumer(self, producer_id: int, live: bool) -> None:
        """Tells the client that what it should receive does not come through, or does again."""
        if self._over:
            return
        carried = self._table.of_producer(producer_id)
        if carried is not None:
            self._call.tell(FlowChanged(carried.source_id, to_bridge=False, live=live))
            if not live:
                self._call.count_stall(to_bridge=False)

    def heeds_encodings(self) -> bool:
        """Whether its door can tell the client, as those of HTTP cannot."""
        return self._over or self._call.door is Door.WEBSOCKET

    def on_encodings_wanted(self, producer_id: int, wanted: WantedEncodings) -> None:
        """Tells the client which encodings of its own source are received, and how much of them at most."""
        if self._over:
            return
        self._call.tell_encodings(producer_id, wanted)

    def on_video_state(self, producer_id: int, state: VideoState) -> None:
        """Tells the client what its line makes of a video."""
        if self._over:
            return
        carried = self._table.of_producer(producer_id)
        if carried is not None:
            self._call.video_states.set(carried.source_id, state)

    def on_audio_levels(self, levels: Sequence[AudioLevel]) -> None:
        """Tells the client who speaks."""
        if self._over:
            return
        told = [
            SourceLevel(carried.participant_id, carried.source_id, level.level, level.voice)
            for level in levels
            if (carried := self._table.of_producer(level.producer_id)) is not None
        ]
        self._call.tell(AudioLevels(tuple(told)))

    def on_active_speaker(self, producer_id: int | None) -> None:
        """Tells the client whose picture to show large."""
        if self._over:
            return
        carried = None if producer_id is None else self._table.of_producer(producer_id)
        if carried is None:
            self._call.media_state.set_active_speaker(ActiveSpeaker(None, None))
        else:
            self._call.media_state.set_active_speaker(ActiveSpeaker(carried.participant_id, carried.source_id))

    def on_quality(self, report: QualityReport) -> None:
        """Tells the room: others see whose line is bad."""
        if self._over:
            return
        self._call.media_state.set_quality(report)

    def on_legs(self, legs: Sequence[LegReport]) -> None:
        """Tells the client whose media is decoded inside the bridge."""
        if self._over:
            return
        transcoded = [
            TranscodedSource(carried.source_id, MediaKind(leg.kind), taken.codec, leg.target, leg.reason, leg.receivers)
            for leg in legs
            for taken in leg.inputs
            if (carried := self._table.of_producer(taken.producer_id)) is not None
        ]
        self._call.media_state.set_media_mode(MediaModeChanged(tuple(transcoded)))

    def on_view(self, state: ViewState) -> None:
        """Tells the client whether it gets one picture of all."""
        if self._over:
            return
        self._call.media_state.set_view(state)

    def on_negotiation_needed(self) -> None:
        """Has an offer made for the client."""
        if self._over:
            return
        self._call.receiving.want_offer()

    def on_closed(self, reason: str) -> None:
        """The worker that carried the media is gone. The client may join again and lands on another one."""
        if self._over:
            return
        self._call.leave(EndReason.MEDIA_LOST)
