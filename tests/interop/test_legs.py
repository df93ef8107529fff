"""Legs: whoever lacks the codec that is sent gets it in one of its own. The independent peer is aiortc."""

from __future__ import annotations

import pytest

from tests.support.bridge import Bridge
from tests.support.media import RED, ColourTrack, ToneTrack
from tests.support.webrtc_http import Publisher, Viewer


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ({"video": "H264", "audio": "opus"}, {"video": "VP8", "audio": "PCMA"}),
        ({"video": "VP8", "audio": "PCMU"}, {"video": "H264", "audio": "opus"}),
        ({"video": "VP8", "audio": "opus"}, {"video": "VP8", "audio": "G722"}),
        ({"video": "VP8", "audio": "G722"}, {"video": "VP8", "audio": "PCMU"}),
    ],
    ids=lambda codecs: "-".join(codecs.values()),
)
async def test_a_viewer_without_the_codec_that_is_sent_sees_and_hears(
    bridge: Bridge, room: str, sent: dict[str, str], taken: dict[str, str]
) -> None:
    publisher = Publisher(f"{bridge.url}/whip/{room}", bridge.token(room, "doctor"))
    viewer = Viewer(f"{bridge.url}/whep/{room}", bridge.token(room, "viewer", "pasient"))
    try:
        await publisher.publish([ToneTrack(RED), ColourTrack(RED)], sent["video"], sent["audio"])
        await viewer.view(only=taken)
        audio, video = viewer.watchers
        await video.expect(RED)
        await audio.expect(RED)
    finally:
        await viewer.close()
        await publisher.close()
