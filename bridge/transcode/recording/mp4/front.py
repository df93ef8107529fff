"""What FFmpeg writes an MP4 into: media passes through, and what stands around it is kept.

FFmpeg knows the index of an MP4 when all media is written, and a player wants it before the media. So the media is
written twice: the first time it goes nowhere, and `Front.begin` then gives all that comes before it the second time.
"""

from __future__ import annotations

import io
from collections.abc import Callable

from bridge.transcode.recording.mp4.boxes import box, boxes, moved

MAX_INDEX = 256 << 20
"""Bytes that are kept at most: some fifty hours of a call."""


class Front(io.RawIOBase):
    """A file as FFmpeg sees it: head, media, and at the end, once the head holds the length of the media, the index.

    FFmpeg has to hand over each packet as it comes (`flush_packets`), so that it never goes back in its own buffer.
    """

    def __init__(self, media: Callable[[bytes], object] | None = None) -> None:
        """`media` is given what is to be passed through."""
        super().__init__()
        self._media = media
        self._at = 0
        self._head = bytearray()
        self._head_is_whole = False
        self._index = bytearray()
        self.media_ends: int | None = None
        """Where the index begins; None until then."""
        self._end = 0

    def head_is_whole(self) -> None:
        """What comes from now on is media."""
        self._head_is_whole = True

    def writable(self) -> bool:  # noqa: D102
        return True

    def seekable(self) -> bool:  # noqa: D102
        return True

    def tell(self) -> int:  # noqa: D102
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:  # noqa: D102
        self._at = offset + (0, self._at, self._end)[whence]
        if self._at < len(self._head) and self._head_is_whole and self.media_ends is None:
            self.media_ends = self._end
        return self._at

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        """Raises `ValueError` for what no muxer of MP4 does, and for an index beyond all bounds."""
        if not self._head_is_whole or self._at < len(self._head):
            self._patch(self._head, self._at, data)
        elif self.media_ends is None:
            if self._at != self._end:
                raise ValueError("media is written out of order")
            if self._media is not None:
                self._media(data)
        else:
            if self._at - self.media_ends + len(data) > MAX_INDEX:
                raise ValueError(f"the index is larger than {MAX_INDEX} bytes")
            self._patch(self._index, self._at - self.media_ends, data)
        self._at += len(data)
        self._end = max(self._end, self._at)
        return len(data)

    def begin(self) -> bytes:
        """All that stands before the media in a file that begins with its index. Raises `ValueError`."""
        kind, body = next(boxes(bytes(self._head)))
        first = box(kind, body)
        index = bytes(self._index)
        length = len(moved(index, 0))
        return first + moved(index, length) + bytes(self._head[len(first) :])

    @staticmethod
    def _patch(into: bytearray, at: int, data: bytes) -> None:
        if at > len(into):
            raise ValueError("something is left out")
        into[at : at + len(data)] = data
