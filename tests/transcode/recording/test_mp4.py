"""A recording as MP4: the same packets at the same times behind their index, whole, cut, growing, or not at all."""

from __future__ import annotations

import io
import itertools
import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import replace

import av
import pytest

from bridge.transcode.recording import AudioTrack, RecordingError, VideoTrack, WebmWriter
from bridge.transcode.recording.mp4 import RemuxLimits, as_mp4
from bridge.transcode.recording.mp4.boxes import box, boxes, moved
from bridge.transcode.recording.mp4.front import Front
from tests.support.processes import children, named
from tests.transcode.recording.material import FRAME_RATE, SIZE, feed, packets
from tests.transcode.recording.test_webm import decoded, times

SECONDS = 3
DELIMITER = bytes([0x12, 0])
"""Of temporal units of AV1."""


def recorded(codec: str | None, *, audio: bool = True, rotation: int = 0, seconds: float = SECONDS) -> list[bytes]:
    parts: list[bytes] = []
    writer = WebmWriter(
        parts.append,
        video=None if codec is None else VideoTrack(codec, *SIZE, rotation),
        audio=AudioTrack() if audio else None,
    )
    for packet in packets(seconds, codec or "vp8"):
        if (packet.kind == "video" and codec) or (packet.kind == "audio" and audio):
            feed(writer, packet)
    writer.flush()
    return parts


def made(parts: Iterable[bytes]) -> bytes:
    kept = list(parts)
    return b"".join(as_mp4(lambda: kept, RemuxLimits()))


def packets_of(data: bytes) -> list[tuple[str, int, bytes]]:
    """Every packet by its kind and time, in milliseconds."""
    with av.open(io.BytesIO(data), "r") as container:
        return sorted(
            # MP4 has no temporal delimiters.
            (
                packet.stream.type,
                round(1000 * (packet.pts or 0) * packet.time_base),
                bytes(packet).removeprefix(DELIMITER),
            )
            for packet in container.demux()
            if packet.size and packet.time_base is not None
        )


def refused(parts: Iterable[bytes], limits: RemuxLimits | None = None) -> RecordingError:
    kept = list(parts)
    with pytest.raises(RecordingError) as error:
        list(as_mp4(lambda: kept, limits or RemuxLimits()))
    return error.value


@pytest.mark.parametrize("codec", ["vp9", "av1"])
def test_every_packet_is_moved_over_as_it_is_behind_an_index(codec: str) -> None:
    parts = recorded(codec)
    data = made(parts)
    kinds = [kind for kind, _ in boxes(data)]
    assert kinds.index(b"moov") < kinds.index(b"mdat")
    assert packets_of(data) == packets_of(b"".join(parts))
    pictures, sounds = decoded(data)
    assert len(pictures) == SECONDS * FRAME_RATE
    assert len(sounds) >= 50 * SECONDS - 2
    with av.open(io.BytesIO(data), "r") as container:
        assert (container.duration or 0) / 1e6 == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize("seconds", [0.1, 1, 2, 2.2])
def test_the_last_picture_is_shown_wherever_it_lies(seconds: float) -> None:
    assert len(decoded(made(recorded("vp9", seconds=seconds)))[0]) == round(seconds * FRAME_RATE)


def test_pictures_that_came_within_one_millisecond_are_all_in_it() -> None:
    parts: list[bytes] = []
    writer = WebmWriter(parts.append, video=VideoTrack("vp9", *SIZE), audio=None)
    pictures = [packet for packet in packets(1, "vp9") if packet.kind == "video"]
    for number, packet in enumerate(pictures):
        # A machine that was held up makes up for it.
        feed(writer, replace(packet, timestamp=pictures[10].timestamp) if 10 < number < 14 else packet)
    writer.flush()
    at = [time for _, time, _ in packets_of(made(parts))]
    assert len(at) == len(set(at)) == len(pictures)


def test_sound_alone_has_one_too() -> None:
    assert len(decoded(made(recorded(None)))[1]) >= 50 * SECONDS - 2


def test_a_turned_picture_stays_turned() -> None:
    data = made(recorded("vp9", rotation=90))
    with av.open(io.BytesIO(data), "r") as container:
        assert next(container.decode(video=0)).rotation == -90


def test_a_picture_in_vp8_is_refused_with_what_to_do() -> None:
    error = refused(recorded("vp8"))
    assert (error.code, error.field) == ("unsupported_codec", "format")
    assert "recordings.composed_codec" in (error.hint or "")


def test_one_that_was_cut_has_all_before_the_cut() -> None:
    whole = b"".join(recorded("vp9"))
    cut = whole[: int(0.8 * len(whole))]
    kept = made([cut])
    assert packets_of(kept) == packets_of(cut)
    assert times(decoded(kept)[0])[-1] > 0.7 * SECONDS


def test_one_that_grows_has_what_there_was_at_first() -> None:
    parts = recorded("vp9")
    readings = iter([parts[:-1], parts])
    data = b"".join(as_mp4(lambda: next(readings), RemuxLimits()))
    assert packets_of(data) == packets_of(made(parts[:-1]))


def test_one_that_is_another_the_second_time_is_noticed() -> None:
    readings = iter([recorded("vp9"), recorded("vp9", seconds=2)])
    with pytest.raises(RecordingError, match="another one") as error:
        list(as_mp4(lambda: next(readings), RemuxLimits()))
    assert error.value.code == "recording_damaged"


@pytest.mark.parametrize("content", [b"", b"nonsense" * 1000])
def test_what_is_no_recording_is_refused(content: bytes) -> None:
    assert refused([content] if content else []).code == "recording_damaged"


def test_what_goes_wrong_in_reading_is_told_as_it_is() -> None:
    def broken() -> Iterator[bytes]:
        yield from recorded("vp9")[:2]
        raise RecordingError("recording_damaged", "A chunk is not as it was written.")

    with pytest.raises(RecordingError, match="A chunk is not"):
        list(as_mp4(broken, RemuxLimits()))


def test_a_process_that_dies_is_told() -> None:
    assert refused(recorded("vp9"), RemuxLimits(memory=1)).code == "export_failed"


def test_the_process_ends_with_who_wanted_it() -> None:
    parts = recorded("vp9", seconds=8)
    export = as_mp4(lambda: itertools.chain(parts), RemuxLimits())
    next(export)
    assert named(children(os.getpid()), "bridge-mp4")
    export.close()  # type: ignore[attr-defined]
    assert not named(children(os.getpid()), "bridge-mp4")


def test_an_index_can_lie_before_media_beyond_four_gibibytes() -> None:
    near = struct.pack(">IIII", 0, 2, 48, 0xFFFFFFFF)
    index = box(
        b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", box(b"stco", near) + box(b"stsz", b"x")))))
    )
    longer = moved(index, 100)
    assert len(longer) == len(index) + 8
    assert struct.pack(">IIQQ", 0, 2, 148, 0xFFFFFFFF + 100) in longer
    assert b"co64" in longer
    # Offsets that are long already are moved, too.
    assert struct.pack(">IIQQ", 0, 2, 248, 0xFFFFFFFF + 200) in moved(longer, 100)


def test_what_no_muxer_does_is_refused() -> None:
    front = Front()
    front.write(box(b"ftyp", b"isom") + box(b"mdat", b""))
    front.head_is_whole()
    front.write(b"media")
    front.seek(1, os.SEEK_END)
    with pytest.raises(ValueError, match="out of order"):
        front.write(b"media")
    for nonsense in (b"\x00\x00\x00\x04moov", b"\x00\x00\x01\x00moov", b"short"):
        with pytest.raises(ValueError, match="a box has"):
            moved(nonsense, 0)
