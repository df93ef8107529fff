"""A call is recorded, with everybody's consent and not a moment longer. The independent peers are aiortc and FFmpeg."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.audit import AuditReader
from bridge.audit import export as audit_export
from bridge.recordings import export_to
from bridge.storage import SqlitePlace
from bridge.storage.choice import NODE_FILE
from bridge.transcode.recording import (
    RecordingInfo,
    RecordingStore,
    State,
    TimelineEvent,
    decode_events,
)
from tests.support.bridge import BRIDGE, Bridge, eventually, http_client, running_bridge
from tests.support.legs import legs, no_legs
from tests.support.media import (
    BLUE,
    GREEN,
    RED,
    ColourTrack,
    ToneTrack,
)
from tests.support.participant import Participant
from tests.support.recorded import decode, last_picture, store_of, streams, tracks, voices
from tests.support.silence import silence
from tests.support.webrtc_http import Publisher


@pytest.fixture
async def recordings(bridge: Bridge) -> RecordingStore:
    """The bridge's recordings, none at first."""
    await no_legs(bridge)
    store = store_of(bridge)
    for info in store.recordings():
        store.delete(info.id)
    return store


@contextlib.asynccontextmanager
async def consultation(
    bridge: Bridge, room: str, camera: ColourTrack | None = None
) -> AsyncIterator[tuple[Participant, Participant]]:
    """A doctor in red, or with a `camera` of the test's, and a patient in green."""
    doctor = Participant(bridge.ws_url, bridge.token(room, "doctor"))
    patient = Participant(bridge.ws_url, bridge.token(room, "patient", "pasient"))
    try:
        for participant, identity, picture in (
            (doctor, RED, camera or ColourTrack(RED)),
            (patient, GREEN, ColourTrack(GREEN)),
        ):
            await participant.join()
            await participant.publish(ToneTrack(identity), picture)
        yield doctor, patient
    finally:
        await patient.close()
        await doctor.close()


async def answer(participant: Participant, consents: bool) -> None:
    """Answers the question for consent."""
    asked = await participant.notice(lambda said: said["type"] == "consent_asked")
    await participant.request("answer_consent", consent_id=asked["consent"]["id"], consents=consents)


async def is_told(participant: Participant, recording: str) -> None:
    await participant.notice(lambda said: said["type"] == "room_changed" and said["room"]["recording"] == recording)


async def recorded(bridge: Bridge, doctor: Participant, patient: Participant) -> None:
    """Asks, consents, and waits until something of both is on the disk."""
    await doctor.request("ask_to_record", text_version="1")
    await answer(patient, True)
    await is_told(patient, "on")
    await eventually(lambda: {"track-1", "track-2"} <= tracks(bridge).keys())


def export(store: RecordingStore, recording: RecordingInfo, stream: str, folder: Path, container: str = "webm") -> Path:
    path = folder / f"{stream}.{container}"
    export_to(store, recording.id, stream, path, container)
    return path


def timeline(store: RecordingStore, recording: RecordingInfo) -> list[TimelineEvent]:
    return list(decode_events(store.read(recording.id, "timeline")))


def audited(bridge: Bridge) -> list[str]:
    """The audit log, as it is exported."""
    reader = AuditReader(SqlitePlace(bridge.data / NODE_FILE))
    try:
        return list(audit_export(reader))
    finally:
        reader.close()


async def is_kept(bridge: Bridge, room: str) -> None:
    """Waits until the recording of a room is over and whole; its leg has ended before."""

    def ready() -> bool:
        entries = [json.loads(line) for line in audited(bridge)]
        return any(entry.get("kind") == "recording_ready" and entry["room"] == room for entry in entries)

    await eventually(ready)
    await no_legs(bridge)


async def test_each_participant_is_recorded_into_a_file_that_anything_plays(
    bridge: Bridge, room: str, recordings: RecordingStore, tmp_path: Path
) -> None:
    async with consultation(bridge, room) as (doctor, patient):
        await recorded(bridge, doctor, patient)
        joined = await patient.notice(
            lambda said: said["type"] == "participant_joined" and said["participant"]["role"] == "opptak"
        )
        async with http_client() as client:
            metrics = (await client.get(f"{bridge.url}/metrics")).text
        shown: list[str | Path] = [BRIDGE, "rooms", "--data", bridge.data, "--json"]
        described = json.loads(await asyncio.to_thread(subprocess.check_output, shown))
        await asyncio.sleep(4)
        await doctor.request("stop_recording")
        await patient.notice(
            lambda said: said["type"] == "participant_left" and said["participant_id"] == joined["participant"]["id"]
        )
        await is_kept(bridge, room)
    (leg,) = next(each for each in described if each["room"].endswith(room))["legs"]
    assert (leg["kind"], leg["tracks"], leg["restarts"]) == ("recording", 4, 0)
    assert 'bridge_legs{source="rtp",target="webm"} 1.0' in metrics
    (recording,) = recordings.recordings()
    assert (recording.state, recording.tenant, recording.room) == (State.COMPLETE, "dev", room)
    noted = [json.loads(line) for line in audited(bridge)]
    (ready,) = [entry["details"] for entry in noted if entry.get("kind") == "recording_ready"]
    (consent, _) = [entry["details"] for entry in noted if entry.get("kind") == "consent_given"]
    assert (ready["recording_id"], ready["recording"], ready["reason"]) == (
        recording.id,
        consent["recording"],
        "stopped",
    )
    for number, identity in ((1, RED), (2, GREEN)):
        decoded = decode(export(recordings, recording, f"track-{number}", tmp_path))
        assert decoded.seconds > 3
        assert decoded.pictures == {identity}
        assert decoded.sounds.most_common(1)[0][0] == identity
        assert decoded.sounds[identity] >= 4
    events = timeline(recordings, recording)
    assert [event.event for event in events] == ["started", "joined", "joined", "stream", "stream", "stopped"]
    assert [(each.role, each.stream) for each in events[1:3]] == [("fastlege", "track-1"), ("pasient", "track-2")]
    assert not {"doctor", "patient"} & {event.participant for event in events}


async def test_without_everybodys_yes_nothing_is_recorded(
    bridge: Bridge, room: str, recordings: RecordingStore
) -> None:
    async with consultation(bridge, room) as (doctor, patient):
        await doctor.request("ask_to_record", text_version="1")
        await answer(patient, False)
        await is_told(doctor, "off")
        assert not legs(bridge)
    assert not recordings.recordings()


async def test_a_newcomer_is_asked_first_and_a_yes_that_is_taken_back_stops_it_at_once(
    bridge: Bridge, room: str, recordings: RecordingStore, tmp_path: Path
) -> None:
    # Made first: it takes a process that is waited for, and nobody would send meanwhile.
    interpreter = Participant(bridge.ws_url, bridge.token(room, "interpreter", "tolk"))
    camera = ColourTrack(RED)
    async with consultation(bridge, room, camera) as (doctor, patient):
        await recorded(bridge, doctor, patient)
        sees = patient.received[doctor.id, "camera"]
        try:
            asked = (await interpreter.join())["consent"]
            await is_told(doctor, "paused")

            async def sizes() -> dict[str, int]:
                return tracks(bridge)

            since = time.monotonic()
            # What only who is in the room is to see.
            camera.show(BLUE)
            await sees.expect(BLUE)
            during = await silence(sizes)
            camera.show(RED)
            await sees.expect(RED)
            pause = time.monotonic() - since
            await interpreter.request("answer_consent", consent_id=asked["id"], consents=True)
            await eventually(lambda: all(tracks(bridge)[name] > during[name] for name in ("track-1", "track-2")))
        finally:
            await interpreter.close()
        await answer(patient, False)
        await is_told(doctor, "off")
        camera.show(BLUE)
        await sees.expect(BLUE)
        await is_kept(bridge, room)
        stopped = tracks(bridge)
        await asyncio.sleep(1.5)
        assert tracks(bridge) == stopped
    (recording,) = recordings.recordings()
    assert recording.state is State.COMPLETE
    events = timeline(recordings, recording)
    paused, resumed = (next(each for each in events if each.event == event) for event in ("paused", "resumed"))
    assert resumed.at == pytest.approx(paused.at, abs=0.01)
    assert [event.event for event in events[-2:]] == ["withdrew", "stopped"]
    decoded = decode(export(recordings, recording, "track-1", tmp_path))
    # The same file goes on, and the pause is not in it, neither what was shown then nor as time.
    assert decoded.pictures == {RED}
    assert decoded.seconds < events[-1].at + pause / 2


async def test_a_leg_that_is_killed_goes_on_in_another_file(
    bridge: Bridge, room: str, recordings: RecordingStore, tmp_path: Path
) -> None:
    async with consultation(bridge, room) as (doctor, patient):
        await recorded(bridge, doctor, patient)
        await asyncio.sleep(2)
        (killed,) = legs(bridge)
        since = time.monotonic()
        os.kill(killed, signal.SIGKILL)
        await eventually(lambda: {"track-1-part-2", "track-2-part-2"} <= tracks(bridge).keys())
        gone = time.monotonic() - since
        await doctor.request("stop_recording")
        await is_kept(bridge, room)
    (recording,) = recordings.recordings()
    assert recording.state is State.TRUNCATED
    starts = {event.stream: event.at for event in timeline(recordings, recording) if event.event == "stream"}
    first, second = (decode(export(recordings, recording, name, tmp_path)) for name in ("track-1", "track-1-part-2"))
    assert first.pictures == second.pictures == {RED}
    assert first.seconds > 1
    # From the last picture of one file to the first of the other: what the leg had yet to write, and while it was gone.
    assert starts["track-1-part-2"] - (starts["track-1"] + first.seconds) < gone + 3


async def test_what_was_recorded_until_the_bridge_was_killed_is_kept(tmp_path: Path, room: str) -> None:
    with running_bridge(tmp_path) as bridge:
        async with consultation(bridge, room) as (doctor, patient):
            await recorded(bridge, doctor, patient)
            await asyncio.sleep(2)
            (leg,) = legs(bridge)
            bridge.kill()
            await eventually(lambda: not Path(f"/proc/{leg}").exists())
            store = store_of(bridge)
            (recording,) = store.recordings()
            # Its time line has no end; the leg has brought its own files to theirs.
            assert recording.state is State.TRUNCATED
            for number, identity in ((1, RED), (2, GREEN)):
                decoded = decode(export(store, recording, f"track-{number}", tmp_path))
                assert decoded.pictures == {identity}
                assert decoded.seconds > 1
            assert timeline(store, recording)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("times", [1, 2])
async def test_what_was_recorded_is_complete_when_every_process_of_the_bridge_is_asked_to_end(
    tmp_path: Path, room: str, number: signal.Signals, times: int
) -> None:
    # A process group of its own, as a terminal or systemd makes it.
    with running_bridge(tmp_path, wrapper=["setsid"]) as bridge:
        async with consultation(bridge, room) as (doctor, patient):
            await recorded(bridge, doctor, patient)
            await asyncio.sleep(2)
            assert bridge.process is not None
            os.killpg(bridge.process.pid, number)
            if times > 1:
                # `timeout`, a shell or npm hand on to the bridge what it was told with its group.
                await doctor.notice(lambda said: said["type"] == "closing")
                bridge.process.send_signal(number)
            await asyncio.to_thread(bridge.process.wait, 30)
        noted = [json.loads(line) for line in audited(bridge)]
        (ready,) = [entry["details"] for entry in noted if entry.get("kind") == "recording_ready"]
        assert ready["reason"] == "stopped", "nobody removed the recorder"
        exported = tmp_path / "track-1.webm"
        store = store_of(bridge)
        (recording,) = store.recordings()
        assert recording.state is State.COMPLETE
        command: list[str | Path] = [BRIDGE, "recordings", "--data", bridge.data, "export", recording.id]
        await asyncio.to_thread(subprocess.check_call, [*command, "--stream", "track-1", "--output", exported])
        decoded = decode(exported)
        assert decoded.pictures == {RED}
        assert decoded.seconds > 1


async def test_what_webm_does_not_take_is_transcoded_first(
    bridge: Bridge, room: str, recordings: RecordingStore, tmp_path: Path
) -> None:
    publisher = Publisher(f"{bridge.url}/whip/{room}", bridge.token(room, "device", "rom"))
    doctor = Participant(bridge.ws_url, bridge.token(room, "doctor"))
    try:
        await publisher.publish([ToneTrack(RED), ColourTrack(RED)], "H264", "PCMA")
        await doctor.join()
        await doctor.request("ask_to_record", text_version="1")
        await eventually(lambda: "track-1" in tracks(bridge))
        await asyncio.sleep(2)
        await doctor.request("stop_recording")
        await is_kept(bridge, room)
    finally:
        await doctor.close()
        await publisher.close()
    (recording,) = recordings.recordings()
    decoded = decode(export(recordings, recording, "track-1", tmp_path))
    assert decoded.pictures == {RED}
    assert decoded.sounds.most_common(1)[0][0] == RED


async def test_a_room_without_a_place_for_the_leg_is_told_so(tmp_path: Path, room: str) -> None:
    (tmp_path / "bridge.toml").write_text("[recordings]\nminimum_free = 1125899906842624\n")
    with running_bridge(tmp_path, "--config", str(tmp_path / "bridge.toml")) as bridge:
        async with consultation(bridge, room) as (doctor, patient):
            await doctor.request("ask_to_record", text_version="1")
            await answer(patient, True)
            failed = await patient.notice(lambda said: said["type"] == "recording_failed")
            assert failed["code"] == "recording_no_space"
            await is_told(patient, "off")
            await eventually(lambda: not list((bridge.data / "recordings").iterdir()))


@pytest.mark.parametrize(("codec", "container"), [("vp8", "webm"), ("vp9", "mp4")])
async def test_a_room_is_recorded_as_one_picture_and_one_sound(
    tmp_path: Path, room: str, codec: str, container: str
) -> None:
    (tmp_path / "bridge.toml").write_text(f'[recordings]\nmode = "composed"\ncomposed_codec = "{codec}"\n')
    with running_bridge(tmp_path, "--config", str(tmp_path / "bridge.toml")) as bridge:
        async with consultation(bridge, room) as (doctor, patient):
            await doctor.request("ask_to_record", text_version="1")
            await answer(patient, True)
            await is_told(patient, "on")
            await eventually(lambda: "composed" in streams(bridge))
            await asyncio.sleep(3)
            await doctor.request("stop_recording")
            await is_kept(bridge, room)
        store = store_of(bridge)
        (recording,) = store.recordings()
        assert recording.state is State.COMPLETE
        path = export(store, recording, "composed", tmp_path, container)
        assert last_picture(path, 2) == [RED, GREEN]
        assert voices(path) == {RED, GREEN}
        assert {event.stream for event in timeline(store, recording) if event.event == "joined"} == {None}
