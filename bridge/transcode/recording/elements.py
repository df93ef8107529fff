"""What stands in a recording, element by element (EBML), as `WebmWriter` wrote it: clusters, and blocks in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bridge.transcode.recording import ebml
from bridge.transcode.recording.errors import RecordingError
from bridge.transcode.recording.webm import SEGMENT, SIMPLE_BLOCK, TIMESTAMP

MAX_ELEMENT = 64 << 20
"""Bytes of a cluster that is held at most."""
BLOCK_HEAD = 4
"""Bytes before a block's data: track, time and flags."""
_KEYFRAME = 0x80


class Block(NamedTuple):
    """A packet of a track."""

    track: int
    timestamp: int
    """In milliseconds of the recording."""
    keyframe: bool
    begins: int
    """Where its element begins in its cluster."""
    data: int
    """Where what it holds does."""
    ends: int


def elements(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bytes, int]]:
    """Identity, bytes and beginning of the content of every whole element in the segment.

    Raises `RecordingError` (`recording_damaged`).
    """
    held = b""
    within = False
    for chunk in chunks:
        held += chunk
        at = 0
        while (head := _head(held, at)) is not None:
            identity, length, body = head
            if identity == SEGMENT:
                within, at = True, body
                continue
            if length is None or length > MAX_ELEMENT:
                raise RecordingError("recording_damaged", "The recording holds an element that none of ours is.")
            if body + length > len(held):
                break
            if within:
                yield identity, held[at : body + length], body - at
            at = body + length
        held = held[at:]


def time_and_blocks(cluster: bytes, at: int) -> tuple[int, list[Block]]:
    """The time of a cluster, in milliseconds, and what is in it; `at` is where its content begins.

    Raises `RecordingError` (`recording_damaged`).
    """
    timestamp = 0
    blocks = []
    while (head := _head(cluster, at)) is not None:
        identity, length, body = head
        end = body + (length or 0)
        if length is None or end > len(cluster) or (identity == SIMPLE_BLOCK and length < BLOCK_HEAD):
            raise RecordingError("recording_damaged", "The recording holds a cluster that none of ours is.")
        if identity == TIMESTAMP:
            timestamp = int.from_bytes(cluster[body:end], "big")
        elif identity == SIMPLE_BLOCK:
            offset = int.from_bytes(cluster[body + 1 : body + 3], "big", signed=True)
            keyframe = bool(cluster[body + 3] & _KEYFRAME)
            blocks.append(Block(cluster[body] & 0x7F, timestamp + offset, keyframe, at, body + BLOCK_HEAD, end))
        at = end
    return timestamp, blocks


def _head(data: bytes, at: int) -> tuple[bytes, int | None, int] | None:
    try:
        return ebml.read_head(data, at)
    except ebml.EbmlError as error:
        raise RecordingError("recording_damaged", f"The recording is no WebM: {error}.") from None
