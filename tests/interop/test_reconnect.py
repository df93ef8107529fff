"""A participant survives its network: lost signalling, a moved address, a reload; and does not stay as a ghost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.test_room_of_three import joined, sees_and_hears
from tests.support.behind_relay import behind_relay
from tests.support.bridge import Bridge, running_bridge
from tests.support.media import GREEN, RED, ColourTrack, ToneTrack


async def test_media_goes_on_while_signalling_is_lost(bridge: Bridge, room: str) -> None:
    red, green = await joined(bridge, room, RED), await joined(bridge, room, GREEN)
    try:
        await sees_and_hears(red, green, GREEN)
        await green.cut_signalling()
        away = await red.notice(
            lambda said: said["type"] == "participant_updated" and said["participant"]["state"] == "reconnecting"
        )
        assert away["participant"]["id"] == green.id
        await sees_and_hears(red, green, GREEN)
        state = await green.resume()
        assert state["resumed"]
        assert [other["id"] for other in state["participants"]] == [red.id]
        await red.notice(
            lambda said: said["type"] == "participant_updated" and said["participant"]["state"] == "connected"
        )
        await sees_and_hears(red, green, GREEN)
        await sees_and_hears(green, red, RED)
        assert not [said for said in red.notices if said["type"] == "participant_left"]
    finally:
        await red.close()
        await green.close()


async def test_an_address_that_moves_needs_no_new_join(bridge: Bridge, room: str) -> None:
    green = await joined(bridge, room, GREEN)
    try:
        async with behind_relay(bridge, room, "red") as (red, relay):
            await red.join()
            await sees_and_hears(red, green, GREEN)
            await relay.move()
            await sees_and_hears(red, green, GREEN)
            assert red.close_code is None
    finally:
        await green.close()


async def test_a_moved_publisher_goes_on_publishing(bridge: Bridge, room: str) -> None:
    green = await joined(bridge, room, GREEN)
    try:
        async with behind_relay(bridge, room, "red") as (red, relay):
            # Only the publish connection takes the line that moves: the relay serves one connection.
            await red.join(subscribe="none")
            await red.publish(ToneTrack(RED), ColourTrack(RED))
            await sees_and_hears(green, red, RED)
            await relay.move()
            await sees_and_hears(green, red, RED)
    finally:
        await green.close()


async def test_a_reload_replaces_its_older_self(bridge: Bridge, room: str) -> None:
    red, green = await joined(bridge, room, RED), await joined(bridge, room, GREEN)
    newer = await joined(bridge, room, GREEN)
    try:
        left = await red.notice(lambda said: said["type"] == "participant_left")
        assert (left["participant_id"], left["reason"]) == (green.id, "replaced")
        closing = await green.notice(lambda said: said["type"] == "closing")
        assert closing["code"] == "replaced"
        await sees_and_hears(red, newer, GREEN)
        assert [other["id"] for other in newer.joined["participants"]] == [red.id]
    finally:
        await newer.close()
        await green.vanish()
        await red.close()


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """A bridge that waits 2 s for the lost instead of 30 s."""
    folder: Path = tmp_path_factory.mktemp("impatient")
    config = folder / "bridge.toml"
    config.write_text('[rooms]\ngrace = "2s"\n\n[media]\nconsent_timeout = "6s"\n')
    with running_bridge(folder, "--config", str(config)) as running:
        yield running


async def test_who_went_silently_is_removed_and_everyone_is_told(impatient: Bridge, room: str) -> None:
    red, green = await joined(impatient, room, RED), await joined(impatient, room, GREEN)
    try:
        await sees_and_hears(red, green, GREEN)
        gone = green.id
        await green.vanish()
        left = await red.notice(lambda said: said["type"] == "participant_left")
        assert (left["participant_id"], left["reason"]) == (gone, "timed_out")
        fresh = await joined(impatient, room, GREEN)
        assert [other["id"] for other in fresh.joined["participants"]] == [red.id]
        await fresh.close()
    finally:
        await red.close()


async def test_who_closes_its_connections_in_good_order_has_left(impatient: Bridge, room: str) -> None:
    red, green = await joined(impatient, room, RED), await joined(impatient, room, GREEN)
    try:
        await sees_and_hears(red, green, GREEN)
        await sees_and_hears(green, red, RED)
        # Goodbye by DTLS (close_notify) and then the WebSocket: nobody comes back from that, so nobody waits.
        await green.publish_peer.close()
        await green.subscribe_peer.close()
        await green.cut_signalling()
        left = await red.notice(lambda said: said["type"] == "participant_left")
        assert (left["participant_id"], left["reason"]) == (green.id, "left")
    finally:
        await red.close()
        await green.vanish()


async def test_a_killed_bridge_that_is_started_again_has_its_call_back(tmp_path: Path, room: str) -> None:
    with running_bridge(tmp_path) as bridge:
        red, green = await joined(bridge, room, RED), await joined(bridge, room, GREEN)
        try:
            await sees_and_hears(red, green, GREEN)
            await sees_and_hears(green, red, RED)
            bridge.kill()
            await asyncio.gather(red.signalling_lost(), green.signalling_lost())
            await asyncio.gather(
                asyncio.to_thread(bridge.start),
                red.come_back(ToneTrack(RED), ColourTrack(RED)),
                green.come_back(ToneTrack(GREEN), ColourTrack(GREEN)),
            )
            await sees_and_hears(red, green, GREEN)
            await sees_and_hears(green, red, RED)
            assert not red.joined["resumed"]
        finally:
            await red.close()
            await green.close()
