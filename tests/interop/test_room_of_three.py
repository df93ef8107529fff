"""Three participants over the WebSocket door: everyone sees and hears the two others, whoever comes and goes."""

from __future__ import annotations

import asyncio

from tests.support.bridge import Bridge
from tests.support.media import BLUE, EVERYBODY, GREEN, RED, ColourTrack, Identity, ToneTrack
from tests.support.participant import Participant
from tests.support.silence import silence


async def joined(bridge: Bridge, room: str, identity: Identity, role: str = "fastlege") -> Participant:
    """A participant who publishes its colour and its tone."""
    participant = Participant(bridge.ws_url, bridge.token(room, identity.name, role, "--name", identity.name.title()))
    await participant.join()
    await participant.publish(ToneTrack(identity), ColourTrack(identity))
    return participant


async def sees_and_hears(participant: Participant, other: Participant, identity: Identity) -> None:
    """Waits until `participant` receives `identity` from `other`."""
    camera = await participant.watcher(other.id, "camera")
    microphone = await participant.watcher(other.id, "microphone")
    await asyncio.gather(camera.expect(identity), microphone.expect(identity))


async def test_everyone_sees_and_hears_the_two_others(bridge: Bridge, room: str) -> None:
    people = {identity: await joined(bridge, room, identity) for identity in EVERYBODY}
    try:
        for here in EVERYBODY:
            for there in EVERYBODY:
                if here is not there:
                    await sees_and_hears(people[here], people[there], there)
    finally:
        for participant in people.values():
            await participant.close()


async def test_who_comes_and_goes_costs_the_others_nothing(bridge: Bridge, room: str) -> None:
    red, green = await joined(bridge, room, RED), await joined(bridge, room, GREEN)
    try:
        await sees_and_hears(red, green, GREEN)
        camera = await red.watcher(green.id, "camera")
        before = len(camera.seen)
        blue = await joined(bridge, room, BLUE, "tolk")
        await sees_and_hears(red, blue, BLUE)
        await blue.close()
        left = await red.notice(lambda said: said["type"] == "participant_left")
        assert left["participant_id"] == blue.id
        await camera.expect(GREEN)
        # Renegotiation must not have cost a picture: all that came meanwhile were green.
        assert {one.name if one else "nobody" for one in camera.seen[before:]} == {"green"}
        # The place that became free is used again.
        blue = await joined(bridge, room, BLUE, "tolk")
        await sees_and_hears(red, blue, BLUE)
        await sees_and_hears(green, blue, BLUE)
        await blue.close()
    finally:
        await red.close()
        await green.close()


async def test_mute_is_told_and_pause_stops_the_packets(bridge: Bridge, room: str) -> None:
    red, green = await joined(bridge, room, RED), await joined(bridge, room, GREEN)
    try:
        await sees_and_hears(red, green, GREEN)
        camera = next(s for s in green.published["sources"] if s["source"] == "camera")
        await green.request("update_source", source_id=camera["id"], muted=True)
        await red.notice(lambda said: said["type"] == "source_updated" and said["source"]["muted"])
        watcher = await red.watcher(green.id, "camera")
        await red.request("update_subscription", source_id=camera["id"], paused=True)

        async def frames() -> int:
            return watcher.frames

        await silence(frames)
        await red.request("update_subscription", source_id=camera["id"], paused=False)
        await green.request("update_source", source_id=camera["id"], muted=False)
        await watcher.expect(GREEN)
    finally:
        await red.close()
        await green.close()
