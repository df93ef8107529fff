"""What is given out of a recording has sound without gaps: what is missing is silence of the same length."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterable

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.transcode.recording import AudioTrack, VideoTrack, WebmWriter, seekable
from bridge.transcode.recording.silence import SilenceFilled, opus_samples
from bridge.transcode.recording.webm import OPUS_PRE_SKIP
from tests.transcode.recording.material import SIZE, Packet, feed, packets

SECONDS = 6
RATE = 48_000
PACKET = 0.02
PRE_SKIP = OPUS_PRE_SKIP / RATE
"""By which FFmpeg counts from the end of what is not to be heard."""
EVENLY = pytest.approx([index * PACKET - PRE_SKIP for index in range(SECONDS * 50)], abs=0.002)


def recorded(keep: Callable[[Packet], bool], *, video: bool = True) -> list[bytes]:
    parts: list[bytes] = []
    writer = WebmWriter(parts.append, video=VideoTrack("vp8", *SIZE) if video else None, audio=AudioTrack())
    for packet in packets(SECONDS):
        if keep(packet) and (video or packet.kind == "audio"):
            feed(writer, packet)
    writer.flush()
    return parts


def without(begin: float, end: float) -> Callable[[Packet], bool]:
    return lambda packet: packet.kind == "video" or not begin <= packet.timestamp < end


def filled(parts: list[bytes]) -> bytes:
    return b"".join(seekable(SilenceFilled(lambda: parts)))


def times(data: bytes, kind: str) -> list[float]:
    """Of its packets, in their order in the file."""
    with av.open(io.BytesIO(data), "r") as container:
        stream = next(each for each in container.streams if each.type == kind)
        return [float(packet.pts * packet.time_base) for packet in container.demux(stream) if packet.pts is not None]


def pictures(data: bytes) -> list[bytes]:
    with av.open(io.BytesIO(data), "r") as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def loudness(data: bytes) -> list[float]:
    """Of each tenth of a second, as who plays packets one behind the other hears it."""
    with av.open(io.BytesIO(data), "r") as container:
        parts = [frame.to_ndarray().reshape(-1, frame.layout.nb_channels)[:, 0] for frame in container.decode(audio=0)]
    samples = np.concatenate(parts).astype(float)
    tenth = RATE // 10
    return [float(np.sqrt(np.mean(samples[at : at + tenth] ** 2))) for at in range(0, len(samples) - tenth + 1, tenth)]


@pytest.mark.parametrize("video", [True, False])
@pytest.mark.parametrize(("begin", "end"), [(2.0, 5.0), (2.5, 4.5), (2.3, 2.4), (2.9, 3.1)])
def test_sound_that_was_missing_is_silence_of_its_length(begin: float, end: float, video: bool) -> None:
    data = filled(recorded(without(begin, end), video=video))
    assert times(data, "audio") == EVENLY
    heard = loudness(data)
    silent = [index / 10 for index, each in enumerate(heard) if each < 0.1 * heard[5]]
    # What codecs let fade belongs to neither.
    assert all(begin - 0.1 < each < end + 0.1 for each in silent)
    assert len(silent) >= 10 * (end - begin) - 1


def test_pictures_stay_as_they_are() -> None:
    parts = recorded(without(2.5, 4.5))
    data = filled(parts)
    assert pictures(data) == pictures(b"".join(parts))
    assert times(data, "video") == times(b"".join(parts), "video")


def test_a_recording_without_gaps_is_given_out_as_it_was() -> None:
    parts = recorded(lambda _: True)
    assert b"".join(SilenceFilled(lambda: parts)()) == b"".join(parts)


@settings(max_examples=30, deadline=None)
@given(lost=st.sets(st.integers(1, SECONDS * 50 - 2)), video=st.booleans())
def test_whatever_is_lost_sound_is_as_long_as_it_took(lost: set[int], video: bool) -> None:
    data = filled(
        recorded(lambda packet: packet.kind == "video" or round(packet.timestamp / PACKET) not in lost, video=video)
    )
    assert times(data, "audio") == EVENLY
    if video:
        assert times(data, "video") == sorted(times(data, "video"))


def test_one_that_grows_is_given_out_the_same_each_time() -> None:
    parts = recorded(without(2.5, 4.5))
    lengths = itertools.chain([len(parts) - 2], itertools.repeat(len(parts)))

    def growing() -> Iterable[bytes]:
        return parts[: next(lengths)]

    grows = SilenceFilled(growing)
    first = b"".join(grows())
    assert first == b"".join(grows())
    assert first == b"".join(SilenceFilled(lambda: parts[:-2])())


@pytest.mark.parametrize(
    ("packet", "milliseconds"),
    [
        (b"\xf8\xff\xfe", 20),
        (b"\xe0\x00", 2.5),
        (b"\x18\x00", 60),
        (b"\x79\x00", 40),
        (b"\xfb\x06" + bytes(12), 120),
        (b"\xfb", 0),
        (b"", 0),
    ],
)
def test_a_packet_says_how_long_it_lasts(packet: bytes, milliseconds: float) -> None:
    assert opus_samples(packet) == milliseconds * 48
