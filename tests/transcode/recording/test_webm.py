"""FFmpeg reads what is written: whole, live, and cut anywhere; the seekable form can be sought in."""

import contextlib
import io
import itertools

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.transcode.recording import AudioTrack, RecordingError, VideoTrack, WebmWriter, ebml, seekable
from bridge.transcode.recording.webm import CLUSTER
from tests.transcode.pictures import luma, ssim, talking_head
from tests.transcode.recording.material import FRAME_RATE, SIZE, TONE, feed, packets

SECONDS = 8


def recorded(seconds: int = SECONDS, *, video: bool = True, audio: bool = True) -> list[bytes]:
    parts: list[bytes] = []
    writer = WebmWriter(
        parts.append, video=VideoTrack("vp8", *SIZE) if video else None, audio=AudioTrack() if audio else None
    )
    for packet in packets(seconds):
        if (packet.kind == "video" and video) or (packet.kind == "audio" and audio):
            feed(writer, packet)
    writer.flush()
    return parts


def decoded(data: bytes) -> tuple[list[av.VideoFrame], list[av.AudioFrame]]:
    with av.open(io.BytesIO(data), "r") as container:
        pictures = list(container.decode(video=0)) if container.streams.video else []
    with av.open(io.BytesIO(data), "r") as container:
        sounds = list(container.decode(audio=0)) if container.streams.audio else []
    return pictures, sounds


def times(frames: list[av.VideoFrame]) -> list[float]:
    return [frame.time for frame in frames if frame.time is not None]


@pytest.mark.parametrize("form", ["live", "seekable"])
def test_ffmpeg_plays_it_to_its_end(form: str) -> None:
    parts = recorded()
    data = b"".join(parts if form == "live" else seekable(lambda: parts))
    pictures, sounds = decoded(data)
    assert len(pictures) == SECONDS * FRAME_RATE
    assert times(pictures) == pytest.approx([index / FRAME_RATE for index in range(len(pictures))], abs=0.001)
    frames = talking_head()
    assert ssim(luma(pictures[10]), luma(frames[10].reformat(*SIZE, format="yuv420p"))) > 0.85
    samples = np.concatenate([frame.to_ndarray().reshape(-1) for frame in sounds])[48_000:]
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.argmax(spectrum) * 48_000 / len(samples) == pytest.approx(TONE, abs=2)
    assert len(samples) == pytest.approx((SECONDS - 1) * 48_000, abs=2 * 960)


def test_each_part_after_the_head_is_a_cluster_of_a_second_at_most() -> None:
    parts = recorded()
    assert len(parts) >= SECONDS
    for before, part in itertools.pairwise(parts[1:]):
        assert part.startswith(CLUSTER)
        begin, end = (_cluster_time(each) for each in (before, part))
        assert 0 < end - begin <= 1000


def _cluster_time(cluster: bytes) -> int:
    head = ebml.read_head(cluster, 0)
    assert head is not None
    timestamp = ebml.read_head(cluster, head[2])
    assert timestamp is not None
    return int.from_bytes(cluster[timestamp[2] : timestamp[2] + (timestamp[1] or 0)], "big")


@pytest.mark.parametrize("share", [0.3, 0.55, 0.9, 0.999])
def test_cut_anywhere_it_plays_up_to_there(share: float) -> None:
    data = b"".join(recorded())
    pictures, _ = decoded(data[: int(share * len(data))])
    assert times(pictures)[-1] >= SECONDS * share * 0.5
    whole = recorded()
    kept = whole[: int(share * len(whole))]
    repaired, _ = decoded(b"".join(seekable(lambda: kept)))
    assert times(repaired)[-1] >= len(kept) - 3


def test_the_seekable_form_knows_its_length_and_where_to_seek() -> None:
    parts = recorded()
    with av.open(io.BytesIO(b"".join(seekable(lambda: parts))), "r") as container:
        assert container.duration == pytest.approx(SECONDS * 1_000_000, abs=100_000)
        container.seek(5_000_000)
        first = next(container.decode(video=0))
        assert first.key_frame
        assert 3.9 <= (first.time or 0) <= 5.0


def test_pictures_or_sound_alone() -> None:
    pictures, sounds = decoded(b"".join(recorded(2, audio=False)))
    assert len(pictures) == 2 * FRAME_RATE
    assert not sounds
    parts = recorded(2, video=False)
    pictures, sounds = decoded(b"".join(seekable(lambda: parts)))
    assert not pictures
    assert len(sounds) >= 98


def test_it_begins_with_a_keyframe() -> None:
    parts: list[bytes] = []
    writer = WebmWriter(parts.append, video=VideoTrack("vp8", *SIZE))
    for packet in packets(4):
        if packet.kind == "video" and packet.timestamp > 0.5:
            feed(writer, packet)
    writer.flush()
    pictures, _ = decoded(b"".join(parts))
    assert pictures[0].time == pytest.approx(2.0, abs=0.01)


@settings(deadline=None)
@given(jumps=st.lists(st.floats(-1e5, 1e5), min_size=1, max_size=30))
def test_clocks_that_jump_write_nothing_that_cannot_be_read(jumps: list[float]) -> None:
    parts: list[bytes] = []
    writer = WebmWriter(parts.append, video=VideoTrack("vp8", *SIZE), audio=AudioTrack())
    for index, jump in enumerate(jumps):
        writer.video(b"picture", jump, keyframe=index % 3 == 0)
        writer.audio(b"sound", jump / 2)
    writer.flush()
    whole = b"".join(seekable(lambda: parts))
    assert len(whole) >= len(b"".join(parts[1:]))
    clusters = parts[1:]
    for cluster in clusters:
        _check_blocks(cluster)


def _check_blocks(cluster: bytes) -> None:
    head = ebml.read_head(cluster, 0)
    assert head is not None
    at = head[2]
    while (element := ebml.read_head(cluster, at)) is not None:
        identity, length, body = element
        if identity == b"\xa3":
            assert int.from_bytes(cluster[body + 1 : body + 3], "big", signed=True) >= 0
        at = body + (length or 0)
    assert at == len(cluster)


@settings(deadline=None)
@given(data=st.binary(max_size=300))
def test_what_is_no_recording_is_refused_or_empty(data: bytes) -> None:
    head = recorded(1)[0]
    for parts in ([data], [head + data]):
        with contextlib.suppress(RecordingError):
            list(seekable(lambda parts=parts: parts))  # type: ignore[misc]


def test_a_codec_that_webm_has_not_is_refused() -> None:
    with pytest.raises(RecordingError) as refused:
        WebmWriter(lambda _: None, video=VideoTrack("h264", *SIZE))
    assert (refused.value.code, refused.value.field) == ("unsupported_codec", "video.codec")
