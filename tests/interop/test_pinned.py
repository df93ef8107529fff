"""A sign-language interpreter whom a host pins for everybody: heard and seen on a thin line, whoever is louder."""

from __future__ import annotations

import asyncio
import re

import av

from loadtest.emulator.reading import read_link
from loadtest.emulator.relay import Relay
from tests.interop.test_speakers import frames_while
from tests.support.bridge import Bridge
from tests.support.media import BLUE, CYAN, GREEN, RED, ColourTrack, ToneTrack
from tests.support.participant import Participant

LOUD = (RED, GREEN, BLUE)
LINE = read_link(down="rate=600k,delay=20ms,queue=300ms")
"""For four sounds and four pictures."""


class Quiet(ToneTrack):
    """A tone of a tenth of the others' strength, which its packets say, too (RFC 6464)."""

    async def recv(self) -> av.AudioFrame:
        frame = await super().recv()
        quiet = av.AudioFrame.from_ndarray(frame.to_ndarray() // 10, format="s16", layout="mono")
        quiet.sample_rate, quiet.pts, quiet.time_base = frame.sample_rate, frame.pts, frame.time_base
        return quiet


async def test_whoever_is_pinned_is_heard_and_seen_on_a_thin_line_whoever_is_louder(bridge: Bridge, room: str) -> None:
    def person(name: str, role: str = "spesialist") -> Participant:
        return Participant(bridge.ws_url, bridge.token(room, name, role, "--name", name.title()))

    loud = [person(identity.name, "fastlege") for identity in LOUD]
    interpreter, viewer = person("interpreter"), person("viewer")
    try:
        async with Relay(("127.0.0.1", 0), ("127.0.0.1", bridge.media_port), LINE, seed=1) as relay:
            candidate = f"a=candidate:1 1 udp 2130706431 127.0.0.1 {relay.address[1]} typ host\r\n"
            viewer.rewrite_description = lambda sdp: re.sub(r"(?:a=candidate:[^\r\n]*\r\n)+", candidate, sdp)
            for each, identity in zip(loud, LOUD, strict=True):
                await each.join(subscribe="none")
                await each.publish(ToneTrack(identity), ColourTrack(identity))
            await interpreter.join(subscribe="none")
            await interpreter.publish(Quiet(CYAN), ColourTrack(CYAN))
            await viewer.join()
            voices = [await viewer.watcher(each.id, "microphone") for each in loud]
            await asyncio.gather(*(voice.expect(identity) for voice, identity in zip(voices, LOUD, strict=True)))
            signs = await viewer.watcher(interpreter.id, "camera")
            sound = await viewer.watcher(interpreter.id, "microphone")
            assert await frames_while(voices[0], 60, sound) == 0, "three are louder"

            await loud[0].request("pin_for_all", participant_id=interpreter.id)
            pinned = interpreter.id
            await viewer.notice(lambda said: said["type"] == "room_changed" and said["room"]["pinned"] == pinned)
            await asyncio.gather(sound.expect(CYAN), signs.expect(CYAN))
            await asyncio.gather(signs.more(60), sound.more(60))
    finally:
        for each in (*loud, interpreter, viewer):
            await each.close()
