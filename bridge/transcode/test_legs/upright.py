"""Pictures of a file as they are to be seen: telephones store them as the camera lies, and mark them as turned."""

from __future__ import annotations

import av
from aiortc import MediaStreamTrack

from bridge.transcode.compose.planes import Planes


class UprightTrack(MediaStreamTrack):
    """What another track has, turned as its frames say; encoders pass over that."""

    kind = "video"

    def __init__(self, source: MediaStreamTrack) -> None:
        super().__init__()
        self._source = source

    async def recv(self) -> av.VideoFrame:
        """The next frame."""
        frame = await self._source.recv()
        assert isinstance(frame, av.VideoFrame)  # noqa: S101 - what tracks of pictures carry
        return upright(frame)

    def stop(self) -> None:
        """Ends both."""
        super().stop()
        self._source.stop()


def upright(frame: av.VideoFrame) -> av.VideoFrame:
    """The frame itself, or a copy in yuv420p that is turned by a multiple of 90 degrees."""
    # By how much a display matrix turns it against the clock (FFmpeg's `av_display_rotation_get`).
    clockwise = -90 * round(frame.rotation / 90) % 360
    if clockwise == 0:
        return frame
    # With sizes that are even, as the planes of colours want them.
    even = frame.reformat(frame.width // 2 * 2, frame.height // 2 * 2, format="yuv420p")
    seen = Planes.of(even).turned(clockwise)
    turned = av.VideoFrame(seen.width, seen.height, "yuv420p")
    Planes.of(turned).put(seen)
    turned.pts, turned.time_base = frame.pts, frame.time_base
    return turned
