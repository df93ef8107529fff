"""Recordings as an operator has them: the settings, the command, and the task that deletes in time."""

import json
from pathlib import Path

import pytest

from bridge.audit import Entry
from bridge.recordings import Retention, open_store
from bridge.settings import load_settings
from bridge.transcode.recording import (
    COMPOSED,
    AudioTrack,
    RecordingError,
    RecordingInfo,
    TimelineEvent,
    VideoTrack,
    WebmWriter,
    new_key_line,
)
from tests.test_cli import bridge, refused
from tests.transcode.recording.material import FRAME_RATE, SIZE, feed, packets
from tests.transcode.recording.test_webm import decoded


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "keys").write_text(new_key_line("2026") + "\n")
    path = tmp_path / "bridge.toml"
    path.write_text('[data]\ndirectory = "data"\n[recordings]\nkey_file = "keys"\nminimum_free = 0\n')
    return path


def make(config: Path, now: float, *names: str, codec: str = "vp8") -> str:
    store = open_store(load_settings(config, environment={}))
    with store.create(now, tenant="clinic", room="room-1") as recording:
        for name in names or (COMPOSED,):
            stream = recording.open(name, "video/webm")
            writer = WebmWriter(stream.write, video=VideoTrack(codec, *SIZE), audio=AudioTrack())
            for packet in packets(2, codec):
                feed(writer, packet)
            writer.flush()
        recording.note(TimelineEvent(0.0, "paused"))
    return recording.id


def test_the_command_lists_gives_out_and_deletes(config: Path, tmp_path: Path) -> None:
    made = make(config, 1_800_000_000.0)
    listed = bridge("recordings", "list", "--config", config, "--json")
    [entry] = json.loads(listed.stdout)
    assert (entry["id"], entry["state"], entry["key_id"]) == (made, "complete", "2026")
    table = bridge("recordings", "--config", config).stdout
    assert f"{made}  2027-01-15 08:00Z" in table
    output = tmp_path / "out.webm"
    exported = bridge("recordings", "export", made, "--config", config, "--output", output)
    assert f"{output.stat().st_size} bytes written" in exported.stdout
    assert output.stat().st_mode & 0o077 == 0
    assert len(decoded(output.read_bytes())[0]) == 2 * FRAME_RATE
    assert bridge("recordings", "delete", made, "--config", config).returncode == 0
    assert json.loads(bridge("recordings", "--config", config, "--json").stdout) == []


def test_the_command_gives_out_mp4_where_the_codec_allows_it(config: Path, tmp_path: Path) -> None:
    plays, plays_not = make(config, 1e9, codec="vp9"), make(config, 1e9)
    output = tmp_path / "out.mp4"
    exported = bridge("recordings", "export", plays, "--format", "mp4", "--config", config, "--output", output)
    assert f"{output.stat().st_size} bytes written" in exported.stdout
    assert output.stat().st_mode & 0o077 == 0
    assert len(decoded(output.read_bytes())[0]) == 2 * FRAME_RATE
    output.unlink()
    arguments = ("recordings", "export", plays_not, "--format", "mp4", "--config", config, "--output", output)
    assert "VP8, which no browser plays in an MP4" in refused(bridge(*arguments))
    assert not output.exists()


def audited(config: Path) -> list[list[object]]:
    exported = bridge("audit", "export", "--config", config).stdout.splitlines()
    entries = [entry for line in exported if "kind" in (entry := json.loads(line))]
    return [[entry[name] for name in ("kind", "actor", "tenant", "room", "details")] for entry in entries]


def test_what_the_command_gives_out_and_deletes_is_written_down(config: Path, tmp_path: Path) -> None:
    made, output = make(config, 1e9), tmp_path / "out.webm"
    assert bridge("recordings", "--config", config).returncode == 0
    assert bridge("recordings", "export", made, "--config", config, "--output", output).returncode == 0
    with open_store(load_settings(config, environment={})).create(1e9) as running:
        assert "still being made" in refused(bridge("recordings", "delete", running.id, "--config", config))
    assert bridge("recordings", "delete", made, "--config", config).returncode == 0
    assert audited(config) == [
        ["recording_exported", "operator", "clinic", "room-1", {"recording_id": made, "stream": COMPOSED}],
        ["recording_deleted", "operator", "clinic", "room-1", {"recording_id": made}],
    ]
    assert bridge("audit", "verify", "--config", config).returncode == 0


def test_what_cannot_be_written_down_is_not_done(config: Path, tmp_path: Path) -> None:
    made, output = make(config, 1e9), tmp_path / "out.webm"
    (tmp_path / "data" / "bridge.sqlite3").write_text("This is no database, and long enough to be seen as none." * 9)
    for arguments in (("export", made, "--output", output), ("delete", made)):
        said = refused(bridge("recordings", *arguments, "--config", config))
        assert "The audit log cannot be written" in said
        assert "Nothing was done" in said
    assert not output.exists()
    [kept] = json.loads(bridge("recordings", "--config", config, "--json").stdout)
    assert (kept["id"], kept["state"]) == (made, "complete")


def test_the_only_stream_is_given_out_and_one_of_several_is_asked_for(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    # Of one who was alone, and of two: `recordings.mode` is "tracks" by default.
    alone, of_two = make(config, 1e9, "track-1"), make(config, 1e9, "track-1", "track-2")
    assert f"written to {alone}-track-1.webm" in bridge("recordings", "export", alone, "--config", config).stdout
    asked = refused(bridge("recordings", "export", of_two, "--config", config))
    assert "name one of: timeline, track-1, track-2" in asked
    for name, file in (("track-2", f"{of_two}-track-2.webm"), ("timeline", f"{of_two}-timeline.jsonl")):
        done = bridge("recordings", "export", of_two, "--stream", name, "--config", config)
        assert f"written to {file}" in done.stdout
    unknown = refused(bridge("recordings", "export", of_two, "--stream", COMPOSED, "--config", config))
    assert "no stream 'composed'" in unknown
    assert "it has: timeline, track-1, track-2" in unknown
    assert {path.name for path in Path.cwd().iterdir()} == {
        f"{alone}-track-1.webm",
        f"{of_two}-track-2.webm",
        f"{of_two}-timeline.jsonl",
    }


def test_the_command_exchanges_keys(config: Path, tmp_path: Path) -> None:
    make(config, 1e9)
    new = bridge("recordings", "new-key", "2027").stdout
    (tmp_path / "keys").write_text(new + (tmp_path / "keys").read_text())
    assert bridge("recordings", "rotate", "--config", config).stdout.startswith("1 recordings")
    [entry] = json.loads(bridge("recordings", "--config", config, "--json").stdout)
    assert entry["key_id"] == "2027"


def test_keys_are_exchanged_while_the_bridge_runs(config: Path, tmp_path: Path) -> None:
    made, keys = make(config, 1e9), tmp_path / "keys"
    running = open_store(load_settings(config, environment={}))
    old = keys.read_text()
    new = bridge("recordings", "new-key", "2027").stdout
    keys.write_text(new + old)
    assert bridge("recordings", "rotate", "--config", config).stdout.startswith("1 recordings")
    keys.write_text(new)
    assert b"".join(running.export(made, COMPOSED))
    with running.create(1e9) as later:
        assert running.info(later.id).key_id == "2027"
    # One that cannot be read records nothing and gives nothing out, and says so; the list goes on.
    keys.write_text("nonsense\n")
    with pytest.raises(RecordingError, match="line 1"):
        running.create(1e9)
    assert made in {info.id for info in running.recordings()}
    keys.write_text(old)
    with pytest.raises(RecordingError, match="is not in the key file"):
        next(iter(running.export(made, COMPOSED)))


def test_what_the_command_cannot_do_is_one_line(config: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    output = tmp_path / "out.webm"
    for arguments, words in (
        (("export", "--config", config), "wants an id"),
        (("export", "0" * 32, "--config", config, "--output", output), "no such recording"),
        (("delete", "nonsense", "--config", config), "no such recording"),
        (("new-key", "not an id"), "expected 1 to 64"),
        # It would lock all of them anew, or list all.
        (("rotate", "0" * 32, "--config", config), "`bridge recordings rotate` takes none"),
        (("list", "0" * 32, "--config", config), "`bridge recordings list` takes none"),
        (("list", "--format", "mp4", "--config", config), "`bridge recordings list` takes none"),
        (("--stream", "track-1", "--config", config), "--stream"),
    ):
        assert words in refused(bridge("recordings", *arguments))
    assert not output.exists()
    (tmp_path / "keys").write_text("nonsense\n")
    assert "line 1" in refused(bridge("recordings", "--config", config))
    assert "line 1" in refused(bridge("serve", "--dev", "--config", config))


def test_without_a_key_file_nothing_is_recorded(tmp_path: Path) -> None:
    store = open_store(load_settings(environment={"BRIDGE_DATA_DIRECTORY": str(tmp_path)}))
    with pytest.raises(RecordingError) as no_key:
        store.create(0.0)
    assert no_key.value.field == "recordings.key_file"


async def test_recordings_are_deleted_in_time_and_the_log_says_so(config: Path) -> None:
    made = make(config, 1e9)
    store = open_store(load_settings(config, environment={}))
    now = 1e9
    noted: list[Entry] = []
    retention = Retention(store, noted.append, clock=lambda: now)
    await retention.sweep()
    assert len(store.recordings()) == 1
    assert not noted
    now = 1e9 + 31 * 86_400
    await retention.sweep()
    assert store.recordings() == []
    assert noted == [
        Entry("recording_deleted", "clinic", "room-1", details={"recording_id": made, "reason": "retention"})
    ]
    retention.start()
    await retention.stop()
    await retention.stop()


async def test_a_recording_that_cannot_be_deleted_keeps_none_of_the_others(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = make(config, 1e9), make(config, 1e9 + 1)
    store = open_store(load_settings(config, environment={}))
    noted: list[Entry] = []
    retention = Retention(store, noted.append, clock=lambda: 1e9 + 31 * 86_400)
    delete = store.delete

    def not_this_one(recording: str) -> None:
        if recording == stuck:
            raise PermissionError("read-only file system")
        delete(recording)

    monkeypatch.setattr(store, "delete", not_this_one)
    for _ in range(2):
        await retention.sweep()
    assert [info.id for info in store.recordings()] == [stuck]
    assert [entry.details["recording_id"] for entry in noted] == [stuck, other]


async def test_a_recording_that_cannot_be_looked_at_keeps_none_of_the_others(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange, other = make(config, 1e9), make(config, 1e9 + 1)
    store = open_store(load_settings(config, environment={}))
    info = store.info

    def of_another_user(recording: str) -> RecordingInfo:
        if recording == strange:
            raise PermissionError(recording)
        return info(recording)

    monkeypatch.setattr(store, "info", of_another_user)
    noted: list[Entry] = []
    await Retention(store, noted.append, clock=lambda: 1e9 + 31 * 86_400).sweep()
    assert [entry.details["recording_id"] for entry in noted] == [other]
