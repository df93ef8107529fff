"""One recording of one room, from everybody's consent to its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bridge.errors import BridgeError
from bridge.recorder.notes import Notes
from bridge.recorder.streams import OpenStreams, Streams
from bridge.room import (
    ConsentAnswered,
    Direction,
    EndReason,
    Entrance,
    Grant,
    JoinRequest,
    Participant,
    ParticipantJoined,
    ParticipantLeft,
    RoomEvent,
    Rooms,
    SourceUpdated,
)
from bridge.sfu import Sfu, Tap, TappedTrack
from bridge.transcode.messages import CodecSpec
from bridge.transcode.recorder.leg import RecorderLeg
from bridge.transcode.recorder.messages import AddTrack
from bridge.transcode.recording import Recording, RecordingError, RecordingStore, TimelineEvent
from bridge.transcode.supervisor import LegSupervisor

_log = logging.getLogger(__name__)

ROLE = "opptak"
"""The recorder's own role in the roster; see configs/roles.toml."""
NAME = "Opptak"
ALL_LEAVE = (EndReason.ENDED, EndReason.TIME_IS_UP, EndReason.SHUTTING_DOWN)
"""The recorder goes with everybody else then, and the recording ends as it should."""
TAP_SECONDS = 10.0
"""How long the core may take to open a socket."""


@dataclass(frozen=True, slots=True)
class Services:
    """What a recording is made with."""

    rooms: Rooms
    sfu: Sfu
    legs: LegSupervisor
    store: RecordingStore
    open_streams: OpenStreams
    pseudonym: Callable[[str, str], str]
    """Stands in for an identity of a tenant."""
    arm: Callable[[], None]
    """To be called after a change of rooms that deadlines may follow from."""


class RoomRecording:
    """Made by `RoomRecorder`, one for each recording that is asked for and consented to."""

    def __init__(self, room_id: str, services: Services, on_failed: Callable[[RoomRecording, str], None]) -> None:
        self.room_id = room_id
        self._services = services
        self._on_failed = on_failed
        self._recording: Recording | None = None
        self._notes: Notes | None = None
        self._tap: Tap | None = None
        self._streams: Streams | None = None
        self._leg: RecorderLeg | None = None
        self._tap_ready = asyncio.Event()
        self._session: str | None = None
        self._participant: str | None = None
        """Of the recorder in the roster."""
        self._tracks: dict[int, TappedTrack] = {}
        """By producer."""
        self._muted: dict[int, bool] = {}
        self._present: dict[str, Participant] = {}
        self._zero = time.monotonic()
        self._paused_at: float | None = None
        self._over = False
        self._begun = asyncio.get_running_loop().create_task(self._begin())

    @property
    def id(self) -> str | None:
        """Of the recording; None where nothing was recorded."""
        return None if self._recording is None or self._leg is None else self._recording.id

    # What the room decides

    def pause(self) -> None:
        """Records nothing from now on: somebody is asked who is about to enter."""
        if self._paused_at is None:
            self._paused_at = time.monotonic()
            if self._tap is not None:
                self._tap.pause(True)
            if self._leg is not None:
                self._leg.pause()
            self._note("paused")

    def resume(self) -> None:
        """Goes on, as if the pause had not been."""
        if self._paused_at is not None:
            self._zero += time.monotonic() - self._paused_at
            self._paused_at = None
            if self._leg is not None:
                self._leg.resume(self._zero)
            if self._tap is not None:
                self._tap.pause(False)
            self._note("resumed")

    def halt(self, reason: str) -> None:
        """Nothing more is recorded; `finish` is to follow."""
        self._over = True
        self._note("stopped", reason=reason)
        if self._tap is not None:
            self._tap.close()
        if self._streams is not None:
            self._streams.close()
        session, self._session = self._session, None
        if session is not None:
            self._services.rooms.leave(session)
            self._services.arm()

    async def finish(self) -> None:
        """Returns when all is written. Where nothing was recorded, no recording is left."""
        # Not cancelled: a folder that is being made in a thread would be left behind.
        await self._begun
        await self._write_rest()

    # What happens in the room

    def handle(self, event: RoomEvent) -> None:
        """Notes what belongs on the time line."""
        match event:
            case ParticipantJoined(participant=participant):
                self._came(participant)
            case ParticipantLeft(participant_id=who, reason=reason):
                gone = self._present.pop(who, None)
                if gone is not None:
                    self._note("left", gone)
                elif who == self._participant and reason not in ALL_LEAVE:
                    self._failed("recorder_removed")
            case SourceUpdated(participant_id=who, source=source):
                if self._muted.get(source.id, False) is not source.muted and who in self._present:
                    self._muted[source.id] = source.muted
                    self._note("muted" if source.muted else "unmuted", self._present[who], source=source.name.value)
            case ConsentAnswered(participant_id=who, consents=consents):
                self._note("consented" if consents else "withdrew", self._present.get(who))
            case _:
                pass

    def follow(self) -> None:
        """Records what the room has now, and no longer what it has not."""
        if self._tap is None or self._leg is None or self._streams is None or self._over:
            return
        wanted = {
            producer: stream.name
            for stream in self._streams.wanted(self._people())
            for producer in (stream.video, stream.audio)
            if producer is not None
        }
        for producer in [producer for producer in self._tracks if producer not in wanted]:
            self._leg.remove_track(self._tracks.pop(producer).ssrc)
            self._tap.remove(producer)
        for producer, stream in wanted.items():
            if producer not in self._tracks:
                self._add(self._tap, self._leg, producer, stream)

    # What the media says

    def on_tap_ready(self) -> None:
        """See `TapListener`."""
        self._tap_ready.set()

    def on_tap_ended(self, producer_id: int) -> None:
        """See `TapListener`."""
        track = self._tracks.pop(producer_id, None)
        if track is not None and self._leg is not None:
            self._leg.remove_track(track.ssrc)

    def on_tap_lost(self) -> None:
        """See `TapListener`."""
        self._failed("media_lost")

    def on_stream(self, stream: str, name: str, at: float) -> None:
        """See `RecorderListener`."""
        self._note("stream", stream=name, at=at)

    def on_recorder_ended(self, code: str) -> None:
        """See `RecorderListener`."""
        self._failed(code)

    def described(self) -> dict[str, Any] | None:
        """What operators see of its leg; None before it runs."""
        if self._leg is None:
            return None
        report = self._leg.report
        return {
            "kind": "recording",
            "source": self._leg.codecs[0],
            "target": self._leg.codecs[1],
            "reason": "recording",
            "receivers": 0,
            "restarts": self._leg.restarts,
            "tracks": len(self._tracks),
            "paused": self._paused_at is not None,
            **(
                {}
                if report is None
                else {name: getattr(report, name) for name in ("streams", "frames", "bytes_out", "errors", "gaps")}
            ),
        }

    # Inside

    async def _begin(self) -> None:
        """Everything up to the first packet. What fails is told, and nothing is left of it."""
        services = self._services
        tenant, _, room = self.room_id.partition("/")
        try:
            self._recording = await asyncio.to_thread(services.store.create, time.time(), tenant=tenant, room=room)
            self._notes = Notes(self._recording, self._failed)
            if self._is_over():
                return
            self._streams = services.open_streams(self.room_id, lambda: self._failed("leg_failed"))
            self._tap = services.sfu.open_tap(self.room_id, f"recording {self._recording.id}", self)
            self._tap.pause(self._paused_at is not None)
            await asyncio.wait_for(self._tap_ready.wait(), TAP_SECONDS)
            if self._is_over():
                return
            self._note("started", room=room, at=0.0)
            self._enter_roster(tenant, room)
            self._leg = RecorderLeg(services.legs, self._recording, self._tap.socket, self, self._zero)
            if self._paused_at is not None:
                self._leg.pause()
        except BridgeError as error:
            self._failed(error.code)
            return
        except TimeoutError:
            self._failed("media_lost")
            return
        for participant in self._people():
            self._came(participant)
        self.follow()

    async def _write_rest(self) -> None:
        if self._leg is not None:
            await self._leg.finish()
        if self._recording is None or self._notes is None:
            return
        await self._notes.written()
        with contextlib.suppress(RecordingError):
            await asyncio.to_thread(self._recording.finish)
            if self._leg is None:
                await asyncio.to_thread(self._services.store.delete, self._recording.id)

    def _add(self, tap: Tap, leg: RecorderLeg, producer: int, stream: str) -> None:
        try:
            track = tap.add(producer)
        except BridgeError as error:
            _log.warning("Something in the room cannot be recorded", extra={"code": error.code})
            return
        self._tracks[producer] = track
        codecs = tuple(CodecSpec(each.name, each.payload_type, each.clock_rate, each.channels) for each in track.codecs)
        leg.add_track(AddTrack(stream, track.kind, track.ssrc, codecs, track.orientation_extension))

    def _people(self) -> list[Participant]:
        """Who is in the room, the recorder left out."""
        inside = self._services.rooms.participants(self.room_id)
        return [participant for participant in inside if not participant.service]

    def _came(self, participant: Participant) -> None:
        # Those who come while it begins are noted once it has.
        if self._leg is None or participant.id in self._present or participant.service:
            return
        self._present[participant.id] = participant
        stream = None if self._streams is None else self._streams.name_of(participant)
        self._note("joined", participant, stream=stream)
        for source in participant.sources:
            if source.muted:
                self._muted[source.id] = True
                self._note("muted", participant, source=source.name.value)

    def _enter_roster(self, tenant: str, room: str) -> None:
        session = self._services.rooms.join(
            JoinRequest(
                tenant=tenant,
                room=room,
                # Nobody else's, whatever vendors call theirs.
                identity=f"recorder {secrets.token_hex(8)}",
                name=NAME,
                role=ROLE,
                grants=frozenset({Grant.SUBSCRIBE.value}),
                direction=Direction.SUBSCRIBE,
                enters=Entrance.DIRECT,
                consents=False,
                service=True,
            )
        )
        self._session, self._participant = session.id, session.participant_id
        self._services.arm()

    def _is_over(self) -> bool:
        """Whether it was ended, perhaps while something was waited for."""
        return self._over

    def _now(self) -> float:
        """Seconds of the recording."""
        return (time.monotonic() if self._paused_at is None else self._paused_at) - self._zero

    def _note(
        self,
        event: str,
        participant: Participant | None = None,
        *,
        at: float | None = None,
        stream: str | None = None,
        source: str | None = None,
        room: str | None = None,
        reason: str | None = None,
    ) -> None:
        if self._notes is None or (self._over and event != "stopped"):
            return
        pseudonym = role = None
        if participant is not None:
            pseudonym = self._services.pseudonym(self.room_id.partition("/")[0], participant.identity)
            role = participant.role
        seconds = round(self._now() if at is None else at, 3)
        self._notes.add(
            TimelineEvent(seconds, event, pseudonym, role=role, source=source, stream=stream, room=room, reason=reason)
        )

    def _failed(self, code: str) -> None:
        if not self._over:
            if code == "recording_no_space":
                self._note("no_space")
            self._on_failed(self, code)
