"""When one of a recording's streams goes on in another file, with a test in the place of the leg."""

from __future__ import annotations

import io
from pathlib import Path

import av
import pytest

from bridge.transcode.recorder.stream import KEYFRAME_SECONDS, WAIT_SECONDS, RecordedStream
from bridge.transcode.recorder.tracks import Unit
from bridge.transcode.recording import ChunkWriter, KeyRing, RecordingStore, StoreSettings, new_key_line
from tests.transcode.recording.material import SIZE, packets

BOTH = frozenset({"audio", "video"})


class Files:
    """Gives a stream the files that it asks for."""

    def __init__(self, folder: Path) -> None:
        (folder / "keys").write_text(new_key_line("1") + "\n")
        self.store = RecordingStore(StoreSettings(folder / "recordings", 1e6), KeyRing.read(folder / "keys"))
        self.recording = self.store.create(0.0)
        self.names: list[str] = []
        self.stream = RecordedStream("track", self.want)
        self._wanted = False

    def want(self, stream: str, media_type: str, at: float) -> None:
        self._wanted = True

    def work(self, now: float) -> None:
        self.stream.work(now, BOTH)
        if self._wanted:
            self._wanted = False
            name = f"track-{len(self.names) + 1}"
            self.names.append(name)
            header = self.recording.header(name, "video/webm")
            descriptor = self.recording.descriptor(name)
            self.stream.begin(ChunkWriter(descriptor, self.recording.key, header, minimum_free=0), now)

    def kinds(self, name: str) -> set[str]:
        with av.open(io.BytesIO(b"".join(self.store.export(self.recording.id, name))), "r") as container:
            return {packet.stream.type for packet in container.demux() if packet.size}


@pytest.mark.parametrize("gives_keyframes", [True, False])
def test_a_sound_that_joins_a_picture_waits_for_its_keyframe_and_not_for_ever(
    tmp_path: Path, gives_keyframes: bool
) -> None:
    files = Files(tmp_path)
    asked = False
    begin = WAIT_SECONDS + 0.5
    for packet in packets(8):
        if packet.kind == "audio" and packet.timestamp < begin:
            continue
        keyframe = packet.keyframe and (gives_keyframes or packet.timestamp == 0)
        codec = "vp8" if packet.kind == "video" else "opus"
        files.stream.take(
            Unit(packet.kind, codec, packet.data, packet.timestamp, keyframe, SIZE if keyframe else (0, 0))
        )
        files.work(packet.timestamp)
        asked |= files.stream.wants_keyframe
        assert not files.stream.wants_keyframe or packet.timestamp < begin + KEYFRAME_SECONDS + 0.1
    files.stream.end()
    files.recording.finish()
    assert asked
    assert [files.kinds(name) for name in files.names] == [
        {"video"},
        {"audio", "video"} if gives_keyframes else {"audio"},
    ]
