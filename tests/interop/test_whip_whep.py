"""WHIP in, WHEP out, with aiortc: the picture and the sound that arrive are the ones that were sent."""

import pytest

from tests.support.bridge import Bridge
from tests.support.media import GREEN, RED, ColourTrack, ToneTrack
from tests.support.webrtc_http import Publisher, Viewer


@pytest.mark.parametrize(("codec", "audio_codec"), [("VP8", "opus"), ("H264", "PCMU")])
async def test_a_published_picture_and_tone_reach_a_viewer(
    bridge: Bridge, room: str, codec: str, audio_codec: str
) -> None:
    publisher = Publisher(f"{bridge.url}/whip/{room}", bridge.token(room, "doctor"))
    viewer = Viewer(f"{bridge.url}/whep/{room}", bridge.token(room, "viewer", "pasient"))
    try:
        await publisher.publish([ToneTrack(RED), ColourTrack(RED)], codec, audio_codec)
        await viewer.view()
        audio, video = viewer.watchers
        await video.expect(RED)
        await audio.expect(RED)
    finally:
        await viewer.close()
        await publisher.close()


async def test_whep_takes_producers_in_order_of_joining_or_the_one_named(bridge: Bridge, room: str) -> None:
    first = Publisher(f"{bridge.url}/whip/{room}", bridge.token(room, "first"))
    second = Publisher(f"{bridge.url}/whip/{room}", bridge.token(room, "second", "pasient"))
    everyone = Viewer(f"{bridge.url}/whep/{room}", bridge.token(room, "viewer-1", "tolk"))
    await first.publish([ColourTrack(RED)])
    await second.publish([ColourTrack(GREEN)])
    try:
        await everyone.view(["video", "video"])
        await everyone.watchers[0].expect(RED)
        await everyone.watchers[1].expect(GREEN)
    finally:
        await everyone.close()
        await second.close()
        await first.close()
