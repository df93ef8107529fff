"""ICE restarts with a real peer: over the WebSocket door from either side, and by a PATCH of the HTTP doors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.interop.test_room_of_three import joined, sees_and_hears
from tests.support.behind_relay import behind_relay
from tests.support.bridge import Bridge, running_bridge
from tests.support.ice_restart import credentials, follow_restart
from tests.support.media import GREEN, RED, ColourTrack, ToneTrack
from tests.support.participant import NEW_CREDENTIALS
from tests.support.patience import PATIENCE
from tests.support.webrtc_http import HttpPeer, Publisher, Viewer


@pytest.fixture(scope="module")
def attentive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """A bridge that misses its clients after 7 s instead of 30 s; aiortc asks for consent every 5 s or so."""
    folder: Path = tmp_path_factory.mktemp("attentive")
    config = folder / "bridge.toml"
    config.write_text('[media]\nconsent_timeout = "7s"\n')
    with running_bridge(folder, "--config", str(config)) as running:
        yield running


async def test_a_client_restarts_its_publish_connection(bridge: Bridge, room: str) -> None:
    red, green = await joined(bridge, room, RED), await joined(bridge, room, GREEN)
    try:
        await sees_and_hears(green, red, RED)
        before = red.published["answer"]
        after = (await red.restart_publish())["answer"]
        assert set(credentials(after)).isdisjoint(credentials(before))
        await sees_and_hears(green, red, RED)
        assert not [said for said in green.notices if said["type"] == "source_removed"]
    finally:
        await red.close()
        await green.close()


async def test_a_client_has_its_subscribe_connection_restarted(bridge: Bridge, room: str) -> None:
    red, green = await joined(bridge, room, RED), await joined(bridge, room, GREEN)
    try:
        await sees_and_hears(red, green, GREEN)
        await red.request("restart_ice", connection="subscribe")
        await red.restarted()
        await sees_and_hears(red, green, GREEN)
    finally:
        await red.close()
        await green.close()


async def test_the_bridge_asks_a_publisher_that_fell_silent_for_a_restart(attentive: Bridge, room: str) -> None:
    green = await joined(attentive, room, GREEN)
    try:
        async with behind_relay(attentive, room, "red") as (red, relay):
            await red.join(subscribe="none")
            await red.publish(ToneTrack(RED), ColourTrack(RED))
            await sees_and_hears(green, red, RED)
            relay.cut()
            await red.notice(lambda said: said["type"] == "ice_restart_requested")
            await relay.move()
            await red.restart_publish()
            await sees_and_hears(green, red, RED)
    finally:
        await green.close()


async def test_the_bridge_restarts_the_subscribe_connection_of_who_fell_silent(attentive: Bridge, room: str) -> None:
    green = await joined(attentive, room, GREEN)
    try:
        async with behind_relay(attentive, room, "red") as (red, relay):
            await red.join()
            await sees_and_hears(red, green, GREEN)
            relay.cut()
            await red.notice(lambda said: said["type"] == "connection_state" and said["state"] == "disconnected")
            await relay.move()
            await red.restarted()
            await sees_and_hears(red, green, GREEN)
    finally:
        await green.close()


async def restart_by_patch(session: HttpPeer) -> None:
    """An ICE restart as RFC 9725, section 4.3.3 has it."""
    ufrag, pwd = NEW_CREDENTIALS
    fragment = f"a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\n"
    headers = {**session.headers, "Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*"}
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        answer = await client.patch(session.location, headers=headers, content=fragment)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/trickle-ice-sdpfrag")
    assert answer.headers["etag"] not in ("", session.etag)
    assert set(credentials(answer.text)).isdisjoint(credentials(session.peer.remoteDescription.sdp))
    await follow_restart(session.peer, answer.text)


async def test_whip_and_whep_sessions_restart_by_patch(bridge: Bridge, room: str) -> None:
    publisher = Publisher(f"{bridge.url}/whip/{room}", bridge.token(room, "doctor"))
    viewer = Viewer(f"{bridge.url}/whep/{room}", bridge.token(room, "viewer", "pasient"))
    try:
        await publisher.publish([ToneTrack(RED), ColourTrack(RED)])
        await viewer.view()
        audio, video = viewer.watchers
        await video.expect(RED)
        await restart_by_patch(publisher)
        await video.expect(RED)
        await restart_by_patch(viewer)
        await video.expect(RED)
        await audio.expect(RED)
    finally:
        await viewer.close()
        await publisher.close()
