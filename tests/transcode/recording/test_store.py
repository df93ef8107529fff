"""Recordings are made, listed, given out, deleted and outlived; what stops one leaves the rest of it readable."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.transcode.recording import (
    COMPOSED,
    AudioTrack,
    ChunkWriter,
    KeyRing,
    RecordingError,
    RecordingStore,
    State,
    StoreSettings,
    TimelineEvent,
    VideoTrack,
    WebmWriter,
    decode_events,
    new_key_line,
)
from bridge.transcode.recording.timeline import STREAM as TIMELINE
from tests.support.namespace import may_make_networks
from tests.transcode.recording.material import FRAME_RATE, SIZE, feed, packets
from tests.transcode.recording.test_webm import decoded, times

DAY = 86_400.0
NOW = 1_000_000_000.0


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    path = tmp_path / "keys"
    path.write_text(new_key_line("2026") + "\n")
    return KeyRing.read(path)


@pytest.fixture
def store(tmp_path: Path, keys: KeyRing) -> RecordingStore:
    return RecordingStore(StoreSettings(tmp_path / "recordings", retention=30 * DAY), keys)


def make(store: RecordingStore, now: float = NOW, seconds: int = 2) -> str:
    with store.create(now) as recording:
        recording.note(TimelineEvent(0.0, "started", room="vendor/room"))
        recording.note(TimelineEvent(0.5, "joined", participant="p1", name="Åse Berg", role="fastlege"))
        stream = recording.open(COMPOSED, "video/webm")
        writer = WebmWriter(stream.write, video=VideoTrack("vp8", *SIZE), audio=AudioTrack())
        for packet in packets(seconds):
            feed(writer, packet)
        writer.flush()
    return recording.id


def test_a_recording_is_kept_listed_and_given_out(store: RecordingStore) -> None:
    made = make(store)
    [info] = store.recordings()
    assert (info.id, info.created, info.expires, info.state) == (made, NOW, NOW + 30 * DAY, State.COMPLETE)
    assert [(stream.name, stream.media_type) for stream in info.streams] == [
        (COMPOSED, "video/webm"),
        (TIMELINE, "application/jsonl"),
    ]
    pictures, sounds = decoded(b"".join(store.export(made, COMPOSED)))
    assert len(pictures) == 2 * FRAME_RATE
    assert len(sounds) >= 98
    events = list(decode_events(store.export(made, TIMELINE)))
    assert [event.event for event in events] == ["started", "joined"]
    assert events[1].name == "Åse Berg"


def test_nothing_on_the_disk_says_who_was_there(store: RecordingStore) -> None:
    make(store)
    for path in store.settings.directory.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(word in content for word in ("Åse Berg".encode(), b"vendor", b"webm\x42", b"OpusHead"))
            assert path.stat().st_mode & 0o077 == 0


def test_each_participants_own_track_is_a_stream_like_the_others(store: RecordingStore) -> None:
    with store.create(NOW) as recording:
        for name in ("track-1", "track-2"):
            stream = recording.open(name, "audio/webm")
            writer = WebmWriter(stream.write, audio=AudioTrack())
            for packet in packets(2):
                if packet.kind == "audio":
                    feed(writer, packet)
            writer.flush()
        with pytest.raises(RecordingError, match="not taken"):
            recording.open("track-1", "audio/webm")
        with pytest.raises(RecordingError, match="64 at most"):
            recording.open("../track", "audio/webm")
    for name in ("track-1", "track-2"):
        assert len(decoded(b"".join(store.export(recording.id, name)))[1]) >= 98


def test_another_process_can_write_a_stream_without_access_to_files(store: RecordingStore) -> None:
    with store.create(NOW) as recording:
        descriptor = recording.descriptor(COMPOSED)
        # As a leg would, which has been handed the descriptor, the recording's key and the header.
        writer = ChunkWriter(os.dup(descriptor), recording.key, recording.header(COMPOSED, "video/webm"))
        os.close(descriptor)
        webm = WebmWriter(writer.write, video=VideoTrack("vp8", *SIZE))
        for packet in packets(2):
            if packet.kind == "video":
                feed(webm, packet)
        webm.flush()
        writer.close()
    assert store.info(recording.id).state is State.COMPLETE
    assert len(decoded(b"".join(store.export(recording.id, COMPOSED)))[0]) == 2 * FRAME_RATE


def test_while_it_is_made_it_can_be_played_and_not_be_deleted(store: RecordingStore) -> None:
    recording = store.create(NOW)
    stream = recording.open(COMPOSED, "video/webm")
    writer = WebmWriter(stream.write, video=VideoTrack("vp8", *SIZE), audio=AudioTrack())
    for packet in packets(4):
        feed(writer, packet)
    assert store.info(recording.id).state is State.RECORDING
    pictures, _ = decoded(b"".join(store.export(recording.id, COMPOSED)))
    assert times(pictures)[-1] > 2.0
    with pytest.raises(RecordingError) as refused:
        store.delete(recording.id)
    assert refused.value.code == "recording_in_progress"
    assert store.overdue(NOW + 1000 * DAY) == []
    recording.finish()
    store.delete(recording.id)
    assert store.recordings() == []


def test_deletion_begins_with_the_key(store: RecordingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(store)

    def interrupted(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.delete(made)
    assert store.info(made).state is State.SHREDDED
    with pytest.raises(RecordingError, match="its key is gone"):
        list(store.read(made, COMPOSED))
    assert [info.id for info in store.overdue(NOW)] == [made]
    store.delete(made)
    assert list((tmp_path / "recordings").iterdir()) == []


def test_a_recording_is_deleted_when_its_time_has_come_even_without_a_key(store: RecordingStore) -> None:
    old, new = make(store), make(store, NOW + 10 * DAY)
    keyless = RecordingStore(store.settings, None)
    assert keyless.overdue(NOW + 30 * DAY - 1) == []
    assert [info.id for info in keyless.overdue(NOW + 30 * DAY)] == [old]
    keyless.delete(old)
    assert [info.id for info in store.recordings()] == [new]


def test_a_recording_of_which_it_is_not_known_when_it_was_made_is_not_kept_for_ever(
    store: RecordingStore, tmp_path: Path
) -> None:
    made = make(store)
    (tmp_path / "recordings" / made / "recording.json").write_bytes(b"")
    os.utime(tmp_path / "recordings" / made, (NOW, NOW))
    assert store.info(made).state is State.DAMAGED
    assert store.overdue(NOW + 30 * DAY - 1) == []
    assert [info.id for info in store.overdue(NOW + 30 * DAY)] == [made]


def test_keys_can_be_exchanged(store: RecordingStore, tmp_path: Path) -> None:
    made = make(store)
    path = tmp_path / "keys"
    path.write_text(new_key_line("2027") + "\n" + path.read_text())
    rotated = RecordingStore(store.settings, KeyRing.read(path))
    assert list(rotated.rotate()) == [made]
    assert list(rotated.rotate()) == []
    path.write_text(path.read_text().splitlines()[0] + "\n")
    alone = RecordingStore(store.settings, KeyRing.read(path))
    assert len(decoded(b"".join(alone.export(made, COMPOSED)))[0]) == 2 * FRAME_RATE
    with pytest.raises(RecordingError, match="'2027'"):
        list(store.read(made, COMPOSED))


def test_damage_is_found_and_what_precedes_it_is_given_out(store: RecordingStore) -> None:
    made = make(store, seconds=4)
    path = store.settings.directory / made / "composed.stream"
    content = bytearray(path.read_bytes())
    content[len(content) * 3 // 4] ^= 1
    path.write_bytes(content)
    got: list[bytes] = []
    with pytest.raises(RecordingError) as damaged:
        got.extend(store.read(made, COMPOSED))
    assert damaged.value.code == "recording_damaged"
    assert times(decoded(b"".join(got))[0])[-1] > 1.5


def test_a_stream_of_another_recording_is_noticed(store: RecordingStore) -> None:
    first, second = make(store), make(store)
    directory = store.settings.directory
    (directory / first / "composed.stream").write_bytes((directory / second / "composed.stream").read_bytes())
    with pytest.raises(RecordingError):
        list(store.read(first, COMPOSED))
    assert store.info(first).state is State.DAMAGED


def test_a_stream_that_was_cut_between_chunks_is_no_complete_one(store: RecordingStore) -> None:
    made = make(store)
    path = store.settings.directory / made / "composed.stream"
    os.truncate(path, path.stat().st_size - 4 - 8 - 16)
    assert store.info(made).state is State.TRUNCATED
    assert len(decoded(b"".join(store.export(made, COMPOSED)))[0]) == 2 * FRAME_RATE


@pytest.mark.parametrize("identity", ["", "..", "../../etc", "A" * 32, "0" * 32])
def test_what_is_no_recording_is_unknown(store: RecordingStore, identity: str) -> None:
    for call in (store.info, store.delete, lambda name: list(store.read(name, COMPOSED))):
        with pytest.raises(RecordingError) as refused:
            call(identity)
        assert refused.value.code == "unknown_recording"


def test_an_unknown_stream_names_those_there_are(store: RecordingStore) -> None:
    made = make(store)
    with pytest.raises(RecordingError, match="it has: composed, timeline"):
        list(store.export(made, "nobody"))


def test_without_a_key_or_room_none_starts(store: RecordingStore, keys: KeyRing) -> None:
    with pytest.raises(RecordingError) as no_key:
        RecordingStore(store.settings, None).create(NOW)
    assert (no_key.value.code, no_key.value.field) == ("recording_no_key", "recordings.key_file")
    crowded = StoreSettings(store.settings.directory, DAY, minimum_free=1 << 60)
    with pytest.raises(RecordingError) as no_space:
        RecordingStore(crowded, keys).create(NOW)
    assert (no_space.value.code, no_space.value.field) == ("recording_no_space", "recordings.minimum_free")
    assert store.recordings() == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if not may_make_networks():
        pytest.skip("needs root to mount a small file system")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_ends_the_recording_and_keeps_it(small_disk: Path, keys: KeyRing) -> None:
    store = RecordingStore(StoreSettings(small_disk, DAY), keys)
    with store.create(NOW) as recording:
        stream = recording.open(COMPOSED, "video/webm")
        writer = WebmWriter(stream.write, video=VideoTrack("vp8", *SIZE), audio=AudioTrack())

        def record() -> None:
            for packet in packets(12):
                feed(writer, packet)

        with pytest.raises(RecordingError) as full:
            record()
        assert full.value.code == "recording_no_space"
    pictures, _ = decoded(b"".join(store.export(recording.id, COMPOSED)))
    assert times(pictures)[-1] > 2.0
    assert store.info(recording.id).state in (State.COMPLETE, State.TRUNCATED)


WRITER = """
import json, os, sys
from bridge.transcode.recording import *
from tests.transcode.recording.material import SIZE, feed, packets
from pathlib import Path
store = RecordingStore(StoreSettings(Path(sys.argv[1]), 1e6), KeyRing.read(Path(sys.argv[2])))
recording = store.create(1e9)
stream = recording.open(COMPOSED, "video/webm")
writer = WebmWriter(stream.write, video=VideoTrack("vp8", *SIZE), audio=AudioTrack())
for packet in packets(12):
    feed(writer, packet)
    print(json.dumps([recording.id, packet.timestamp]), flush=True)
    sys.stdin.readline()
"""


def test_killed_in_the_middle_it_loses_two_seconds_at_most(store: RecordingStore, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(store.settings.directory), str(tmp_path / "keys")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    identity, at = "", 0.0
    while at < 9.7:
        identity, at = json.loads(process.stdout.readline())
        process.stdin.write("\n")
        process.stdin.flush()
    assert store.info(identity).state is State.RECORDING
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert store.info(identity).state is State.TRUNCATED
    pictures, sounds = decoded(b"".join(store.export(identity, COMPOSED)))
    assert times(pictures)[-1] >= at - 2.0
    assert (sounds[-1].time or 0.0) >= at - 2.0
