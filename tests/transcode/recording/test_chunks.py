"""What lies on the disk can be read with its key only, and not be cut, moved, exchanged or changed unnoticed."""

import io
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.transcode.recording import ChunkReader, ChunkWriter, RecordingError, StreamHeader
from bridge.transcode.recording.chunks import MAX_CHUNK, TAG_BYTES, survey

KEY = bytes(range(32))
HEADER = StreamHeader("ab" * 16, "composed", "video/webm", b"1" * 16)


def written(chunks: list[bytes], header: StreamHeader = HEADER, *, final: bool = True) -> bytes:
    descriptor = os.memfd_create("stream")
    reading = os.dup(descriptor)
    writer = ChunkWriter(descriptor, KEY, header, sync=False)
    for chunk in chunks:
        writer.write(chunk)
    if final:
        writer.close()
    else:
        writer.abandon()
    with os.fdopen(reading, "rb") as file:
        file.seek(0)
        return file.read()


def read(data: bytes, key: bytes = KEY) -> tuple[list[bytes], bool]:
    reader = ChunkReader(io.BytesIO(data), key)
    return list(reader), reader.complete


def sections(data: bytes) -> tuple[bytes, list[bytes]]:
    """The head of a stream and its chunks."""
    at = 10 + int.from_bytes(data[8:10], "big")
    head, parts = data[:at], []
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        parts.append(data[at:end])
        at = end
    return head, parts


contents = st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=8)


@settings(deadline=None)
@given(chunks=contents)
def test_what_is_written_is_read_and_nothing_of_it_stands_in_clear(chunks: list[bytes]) -> None:
    data = written(chunks)
    assert read(data) == (chunks, True)
    assert all(chunk not in data for chunk in chunks if len(chunk) > 8)


@settings(deadline=None)
@given(chunks=contents, share=st.floats(0, 1))
def test_a_stream_that_was_cut_gives_all_whole_chunks_and_says_so(chunks: list[bytes], share: float) -> None:
    data = written(chunks)
    head, parts = sections(data)
    cut = len(head) + int(share * (len(data) - len(head) - 1))
    got, complete = read(data[:cut])
    whole = [index for index in range(len(chunks)) if len(head) + len(b"".join(parts[: index + 1])) <= cut]
    assert got == chunks[: len(whole)]
    assert not complete


@settings(deadline=None)
@given(chunks=contents, data=st.data())
def test_any_changed_bit_is_noticed(chunks: list[bytes], data: st.DataObject) -> None:
    stream = bytearray(written(chunks))
    at = data.draw(st.integers(0, len(stream) - 1))
    stream[at] ^= 1 << data.draw(st.integers(0, 7))
    try:
        got, complete = read(bytes(stream))
    except RecordingError:
        return
    # A length that became larger than the file is a cut; what was read before it is right.
    assert not complete
    assert got == chunks[: len(got)]


@settings(deadline=None)
@given(chunks=st.lists(st.binary(min_size=4, max_size=4), min_size=2, max_size=6, unique=True), data=st.data())
def test_chunks_that_were_moved_doubled_or_left_out_are_noticed(chunks: list[bytes], data: st.DataObject) -> None:
    head, parts = sections(written(chunks))
    moved = data.draw(st.lists(st.sampled_from(parts), min_size=1, max_size=8).filter(lambda made: made != parts))
    try:
        got, complete = read(head + b"".join(moved))
    except RecordingError:
        return
    assert not complete
    assert got == chunks[: len(got)]


def test_chunks_of_another_stream_do_not_open() -> None:
    other = StreamHeader(HEADER.recording, HEADER.name, HEADER.media_type, b"2" * 16)
    first, second = sections(written([b"one"])), sections(written([b"one"], other))
    for swapped in (first[0] + b"".join(second[1]), second[0] + b"".join(first[1])):
        with pytest.raises(RecordingError, match="not as it was written"):
            read(swapped)


def test_the_end_cannot_be_moved_forwards() -> None:
    """The final chunk of a shorter stream under the same key and head fits nowhere in a longer one."""
    head, parts = sections(written([b"one", b"two"]))
    _, shorter = sections(written([b"one"]))
    with pytest.raises(RecordingError):
        read(head + parts[0] + parts[2])
    # The same bytes written twice under one salt would; salts are random and a stream is written once.
    assert read(head + parts[0] + shorter[1]) == ([b"one"], True)
    assert StreamHeader.new("x", "y", "z").salt != StreamHeader.new("x", "y", "z").salt


@settings(deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_refused_in_the_typed_form(data: bytes) -> None:
    for stream in (data, b"BRIDGER1" + data, written([b"x"]) + data if data else b""):
        with pytest.raises(RecordingError) as refused:
            read(stream)
        assert refused.value.code == "recording_damaged"


def test_the_key_is_needed() -> None:
    with pytest.raises(RecordingError):
        read(written([b"secret"]), bytes(32))


def test_it_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "stream"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    writer = ChunkWriter(descriptor, KEY, HEADER)
    with path.open("rb") as file:
        reader = ChunkReader(file, KEY)
        assert reader.next() is None
        for word in (b"one", b"two"):
            writer.write(word)
            assert reader.next() == word
            assert reader.next() is None
        assert not reader.complete
        writer.close()
        assert reader.next() is None
        assert reader.complete


@settings(max_examples=5, deadline=None)
@given(size=st.sampled_from([MAX_CHUNK - 1, MAX_CHUNK, MAX_CHUNK + 1, 3 * MAX_CHUNK]))
def test_large_writes_become_several_chunks(size: int) -> None:
    chunks, complete = read(written([bytes(size)]))
    assert complete
    assert b"".join(chunks) == bytes(size)
    assert max(map(len, chunks)) <= MAX_CHUNK


@settings(deadline=None)
@given(chunks=contents, final=st.booleans())
def test_a_survey_needs_no_key(chunks: list[bytes], final: bool) -> None:
    data = written(chunks, final=final)
    extent = survey(io.BytesIO(data))
    assert extent.chunks == len(chunks) + final
    assert extent.bytes == sum(map(len, chunks)) + 8 * final
    assert not extent.torn
    assert survey(io.BytesIO(data[:-1])).torn
    assert extent.header == HEADER
    assert ChunkReader(io.BytesIO(data), KEY).ends_in_final(extent) == final
    assert len(data) - extent.last - 4 - TAG_BYTES == (8 if final else len(chunks[-1]))


def test_after_its_end_nothing_is_written() -> None:
    writer = ChunkWriter(os.memfd_create("stream"), KEY, HEADER, sync=False)
    writer.close()
    writer.close()
    with pytest.raises(RecordingError, match="has ended"):
        writer.write(b"more")
