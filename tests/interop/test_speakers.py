"""A room with more people than are heard at the same time: the loudest three are, and whoever begins to speak."""

from __future__ import annotations

import asyncio

import av
import numpy as np

from tests.support.bridge import Bridge
from tests.support.media import BLUE, GREEN, RED, Identity, ToneTrack, Watcher
from tests.support.participant import Participant

VOICES = (RED, GREEN, BLUE, RED, GREEN)
"""Who has the same tone as another never speaks together with them."""


class Voice(ToneTrack):
    """A tone that can be silent; the level in its packets says so (RFC 6464)."""

    def __init__(self, identity: Identity) -> None:
        super().__init__(identity)
        self.speaks = False

    async def recv(self) -> av.AudioFrame:
        frame = await super().recv()
        if self.speaks:
            return frame
        silence = av.AudioFrame.from_ndarray(np.zeros((1, frame.samples), dtype=np.int16), format="s16", layout="mono")
        silence.sample_rate, silence.pts, silence.time_base = frame.sample_rate, frame.pts, frame.time_base
        return silence


async def frames_while(clock: Watcher, frames: int, watched: Watcher) -> int:
    """How many frames come of `watched` while so many come of `clock`."""
    before = watched.frames
    await clock.more(frames)
    return watched.frames - before


async def test_three_of_five_are_heard_and_whoever_begins_to_speak(bridge: Bridge, room: str) -> None:
    voices = [Voice(identity) for identity in VOICES]
    people: list[Participant] = []
    listener = Participant(bridge.ws_url, bridge.token(room, "listener", "fastlege", "--name", "Listener"))
    try:
        for number, voice in enumerate(voices):
            voice.speaks = number < 3
            person = Participant(bridge.ws_url, bridge.token(room, f"p{number}", "spesialist", "--name", f"P{number}"))
            people.append(person)
            await person.join(subscribe="none")
            await person.publish(voice)
        await listener.join()
        watchers = [await listener.watcher(person.id, "microphone") for person in people]
        await asyncio.gather(*(watchers[n].expect(VOICES[n]) for n in range(3)))
        for silent in watchers[3:]:
            assert await frames_while(watchers[1], 60, silent) == 0
        voices[0].speaks = False
        voices[3].speaks = True
        await watchers[3].expect(VOICES[3])
        assert await frames_while(watchers[1], 60, watchers[0]) == 0
        assert await frames_while(watchers[1], 60, watchers[4]) == 0
        # Whoever comes back is heard again, and once the others are silent is the active speaker.
        voices[0].speaks, voices[1].speaks, voices[2].speaks, voices[3].speaks = True, False, False, False
        await watchers[0].expect(VOICES[0])
        await listener.notice(
            lambda said: (
                said["type"] == "active_speaker"
                and said["participant_id"] == people[0].id
                and said["source_id"] == people[0].published["sources"][0]["id"]
            )
        )
    finally:
        for person in (*people, listener):
            await person.close()
