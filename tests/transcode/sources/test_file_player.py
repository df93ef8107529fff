"""A file is played in step and over and over; what is no film is refused."""

from pathlib import Path

import av
import pytest

from bridge.transcode.recording import AudioTrack, VideoTrack, WebmWriter
from bridge.transcode.sources.file_player import FilePlayer, FilePlayerError
from tests.transcode.recording.material import FRAME_RATE, SIZE, feed, packets


@pytest.fixture
def film(tmp_path: Path) -> Path:
    parts: list[bytes] = []
    writer = WebmWriter(parts.append, video=VideoTrack("vp8", *SIZE), audio=AudioTrack())
    for packet in packets(2):
        feed(writer, packet)
    writer.flush()
    path = tmp_path / "film.webm"
    path.write_bytes(b"".join(parts))
    return path


def test_pictures_and_sound_come_in_step_round_after_round(film: Path) -> None:
    player = FilePlayer(film)
    pictures = blocks = 0
    for tick in range(700):
        due = player.due(tick * 0.01)
        pictures += len(due.pictures)
        blocks += len(due.blocks)
        assert all(isinstance(picture, av.VideoFrame) for picture in due.pictures)
        # A picture lasts 67 ms and a round may end some 20 ms later than its pictures do.
        assert abs(pictures / FRAME_RATE - blocks * 0.02) <= 0.2
    assert blocks == pytest.approx(7 * 50, abs=2)
    assert pictures == pytest.approx(7 * FRAME_RATE, abs=4)


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no film")
    for path in (tmp_path / "text", tmp_path / "absent"):
        with pytest.raises(FilePlayerError) as refused:
            FilePlayer(path)
        assert refused.value.code == "unplayable_file"
