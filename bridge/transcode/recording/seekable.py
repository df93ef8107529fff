"""Turns a WebM that was written live into one that is whole: with its length, and an index of where to seek, in front.

It goes through the recording twice and holds one cluster at a time, so nothing in clear touches a disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from bridge.transcode.recording import ebml
from bridge.transcode.recording.elements import elements, time_and_blocks
from bridge.transcode.recording.webm import CLUSTER, INFO, SEGMENT, TRACKS, VIDEO_TRACK, file_head, info

CUES = bytes.fromhex("1c53bb6b")
_SEEK_HEAD = bytes.fromhex("114d9b74")


@dataclass(frozen=True, slots=True)
class _Cluster:
    timestamp: int
    last: int
    """Of its last block, in milliseconds."""
    length: int
    """Bytes, head included."""
    begins_with: int | None
    """The track at whose keyframe a player may begin here: of the picture, if its first one is a keyframe."""


def seekable(chunks: Callable[[], Iterable[bytes]]) -> Iterator[bytes]:
    """The file, in parts; `chunks` is called twice and gives the recording from its beginning each time.

    A cluster that is not whole is left out. Raises `RecordingError` for what was not written by `WebmWriter`.
    """
    tracks, clusters = b"", []
    for identity, whole, body in elements(chunks()):
        if identity == TRACKS:
            tracks = whole
        elif identity == CLUSTER:
            clusters.append(_cluster(whole, body))
    duration = max((cluster.last for cluster in clusters), default=0)
    head = _front(info(duration), tracks, clusters)
    size = len(head) + sum(cluster.length for cluster in clusters)
    yield file_head() + SEGMENT + b"\x01" + size.to_bytes(7, "big") + head
    left = len(clusters)
    for identity, whole, _ in elements(chunks()):
        # What came in between is not in the index.
        if identity == CLUSTER and left:
            left -= 1
            yield whole


def _front(info_element: bytes, tracks: bytes, clusters: list[_Cluster]) -> bytes:
    """All that stands before the clusters. Positions have eight bytes each, so that its length is known beforehand."""
    by_picture = any(cluster.begins_with == VIDEO_TRACK for cluster in clusters)
    marked = [(index, each) for index, each in enumerate(clusters) if not by_picture or each.begins_with == VIDEO_TRACK]

    def cues(first: int) -> bytes:
        positions = [first]
        for cluster in clusters:
            positions.append(positions[-1] + cluster.length)
        return ebml.element(
            CUES, *(_cue(each.timestamp, each.begins_with or VIDEO_TRACK, positions[index]) for index, each in marked)
        )

    def seek_head(info_at: int, tracks_at: int, cues_at: int) -> bytes:
        places = ((INFO, info_at), (TRACKS, tracks_at), (CUES, cues_at))
        return ebml.element(
            _SEEK_HEAD,
            *(
                ebml.element(b"\x4d\xbb", ebml.element(b"\x53\xab", identity), ebml.unsigned(b"\x53\xac", at, width=8))
                for identity, at in places
            ),
        )

    info_at = len(seek_head(0, 0, 0))
    tracks_at = info_at + len(info_element)
    cues_at = tracks_at + len(tracks)
    first = cues_at + len(cues(0))
    return seek_head(info_at, tracks_at, cues_at) + info_element + tracks + cues(first)


def _cue(timestamp: int, track: int, position: int) -> bytes:
    place = ebml.element(b"\xb7", ebml.unsigned(b"\xf7", track), ebml.unsigned(b"\xf1", position, width=8))
    return ebml.element(b"\xbb", ebml.unsigned(b"\xb3", timestamp, width=8), place)


def _cluster(whole: bytes, at: int) -> _Cluster:
    timestamp, blocks = time_and_blocks(whole, at)
    begins_with: int | None = None
    pictures = False
    for block in blocks:
        picture = block.track == VIDEO_TRACK
        if block.keyframe and ((picture and not pictures) or begins_with is None):
            begins_with = block.track
        pictures = pictures or picture
    last = max((block.timestamp for block in blocks), default=timestamp)
    return _Cluster(timestamp, max(timestamp, last), len(whole), begins_with)
