"""Viewers that tell nothing of single packets: aiortc sends its own estimate (REMB), and without the time of sending in
packets receiver reports alone. The estimate climbs above its start, since they answer probes."""

import re
from typing import Any

import numpy
import pytest
from aiortc import VideoStreamTrack
from av import VideoFrame

from loadtest.flight.record import FlightRecord
from tests.support.bridge import Bridge
from tests.support.flight import recorded
from tests.support.webrtc_http import Publisher, Viewer

START = 300_000
"""What a line is taken to carry at first, in bit/s."""


class NoiseTrack(VideoStreamTrack):
    """A picture that takes all bits there are."""

    def __init__(self) -> None:
        super().__init__()
        self._random = numpy.random.default_rng(42)

    async def recv(self) -> VideoFrame:
        """The next picture."""
        pts, time_base = await self.next_timestamp()
        picture = self._random.integers(0, 255, (240, 320, 3), dtype=numpy.uint8)
        frame = VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


@pytest.mark.parametrize("source", ["remb", "receiver_reports"])
async def test_a_viewer_that_answers_probes_gets_an_estimate_above_the_start(
    bridge: Bridge, room: str, source: str
) -> None:
    publisher = Publisher(f"{bridge.url}/whip/{room}", bridge.token(room, "doctor"))
    viewer = Viewer(f"{bridge.url}/whep/{room}", bridge.token(room, "viewer", "pasient"))
    if source == "receiver_reports":
        viewer.rewrite_answer = lambda answer: re.sub(r"a=extmap:\d+ \S+abs-send-time\r\n", "", answer)
    frames: list[Any] = []
    viewer.inspect["video"] = frames.append

    def is_proven(record: FlightRecord) -> bool:
        probes = any(packet.probe is not None for packet in record.packets.values())
        return probes and any(each.source == source and each.bitrate > 1.2 * START for each in record.estimates)

    try:
        await publisher.publish([NoiseTrack()])
        await viewer.view(["video"])
        await recorded(bridge, room, is_proven)
        assert frames
    finally:
        await viewer.close()
        await publisher.close()
