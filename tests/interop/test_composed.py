"""A room as one picture and one sound, to aiortc: over the WebSocket door and by WHEP."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from tests.support.bridge import Bridge, eventually, running_bridge
from tests.support.composed import ComposedWatcher
from tests.support.legs import legs, no_legs
from tests.support.media import BLUE, GREEN, RED, ColourTrack, Identity, ToneTrack
from tests.support.participant import Participant
from tests.support.webrtc_http import Publisher, Viewer


@contextlib.asynccontextmanager
async def people(bridge: Bridge, room: str, *identities: Identity) -> AsyncIterator[list[Participant]]:
    """Participants who publish their colour and tone, and receive nothing yet."""
    tokens = [bridge.token(room, identity.name, "fastlege", "--name", "Åse Bø") for identity in identities]
    joined = [Participant(bridge.ws_url, token) for token in tokens]
    try:
        for participant, identity in zip(joined, identities, strict=True):
            await participant.join(subscribe="none")
            await participant.publish(ToneTrack(identity), ColourTrack(identity))
        yield joined
    finally:
        for participant in joined:
            await participant.close()


async def test_a_room_in_one_picture_and_back_again_though_its_leg_is_killed(bridge: Bridge, room: str) -> None:
    await no_legs(bridge)
    async with people(bridge, room, RED, GREEN) as (red, _):
        viewer = Participant(bridge.ws_url, bridge.token(room, "viewer", "tolk"))
        try:
            await viewer.join()
            separate = await viewer.watcher(red.id, "camera")
            await separate.expect(RED)
            await viewer.request("layout", tiles=[], view="composed")
            watcher = await viewer.watcher(None, "composed")
            composed = ComposedWatcher()
            watcher.inspect = composed.look
            await eventually(lambda: composed.shows(RED, GREEN))
            view = await viewer.notice(lambda said: said["type"] == "view")
            assert (view["view"], view["reason"]) == ("composed", "asked")
            mode = await viewer.notice(lambda said: said["type"] == "media_mode" and len(said["transcoded"]) == 2)
            assert {source["reason"] for source in mode["transcoded"]} == {"composed"}
            await eventually(lambda: (red.id, "camera") not in viewer.received)
            assert (red.id, "microphone") in viewer.received
            (killed,) = legs(bridge)
            os.kill(killed, signal.SIGKILL)
            await eventually(lambda: len(legs(bridge)) == 1 and legs(bridge) != [killed])
            before = composed.count
            await eventually(lambda: composed.count > before + 10 and composed.shows(RED, GREEN))
            await viewer.request("layout", tiles=[], view="separate")
            await (await viewer.watcher(red.id, "camera")).expect(RED)
            await no_legs(bridge)
        finally:
            await viewer.close()


async def test_who_watches_gets_one_picture_and_one_sound_without_its_own(bridge: Bridge, room: str) -> None:
    publisher = Publisher(f"{bridge.url}/whip/{room}", bridge.token(room, "green"))
    viewer = Viewer(f"{bridge.url}/whep/{room}?view=composed", bridge.token(room, "green"))
    composed = ComposedWatcher()
    viewer.inspect["video"] = composed.look
    async with people(bridge, room, RED) as (red,):
        try:
            await publisher.publish([ToneTrack(GREEN), ColourTrack(GREEN)])
            await viewer.view()
            sound = next(each for each in viewer.watchers if each.track.kind == "audio")
            # Green hears red, and not itself.
            await sound.expect(RED, times=10)
            await eventually(lambda: composed.shows(RED, GREEN))
            for killed in legs(bridge):
                os.kill(killed, signal.SIGKILL)
            await sound.expect(RED, times=20)
            camera = next(each for each in red.published["sources"] if each["source"] == "camera")
            await red.request("update_source", source_id=camera["id"], muted=True)
            # In the place of red stand initials.
            await eventually(lambda: composed.shows(None, GREEN))
        finally:
            await viewer.close()
            await publisher.close()
        await no_legs(bridge)


async def test_a_room_is_forwarded_where_the_budget_for_legs_is_spent(tmp_path: Path, room: str) -> None:
    (tmp_path / "bridge.toml").write_text("[legs]\nmax = 0\n")
    with running_bridge(tmp_path, "--config", str(tmp_path / "bridge.toml")) as bridge:
        async with people(bridge, room, BLUE) as (blue,):
            viewer = Participant(bridge.ws_url, bridge.token(room, "viewer", "tolk"))
            try:
                await viewer.join()
                await viewer.request("layout", tiles=[], view="composed")
                view = await viewer.notice(lambda said: said["type"] == "view")
                assert (view["view"], view["reason"]) == ("separate", "legs_exhausted")
                await (await viewer.watcher(blue.id, "camera")).expect(BLUE)
            finally:
                await viewer.close()
