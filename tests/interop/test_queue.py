"""A drop-in queue on a real bridge: who waits in it has no packet of any room, and comes to whoever takes them."""

from __future__ import annotations

import httpx
import pytest

from tests.interop.test_lobby import forwarded_bytes
from tests.interop.test_room_of_three import joined, sees_and_hears
from tests.support.bridge import Bridge
from tests.support.media import BLUE, GREEN, RED, ColourTrack, Identity, ToneTrack
from tests.support.participant import Participant, RequestError


async def waits(bridge: Bridge, queue: str, identity: Identity) -> Participant:
    """A patient who waits in the queue."""
    patient = Participant(bridge.ws_url, bridge.token(queue, identity.name, "pasient", "--enters", "lobby"))
    await patient.join()
    assert "lobby" in patient.joined
    return patient


async def test_who_waits_in_a_queue_is_connected_to_no_room_until_taken(bridge: Bridge, room: str) -> None:
    queue = f"queue-{room}"
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {bridge.api_key()}"}) as vendor:
        made = await vendor.post(f"{bridge.url}/v1/queues", json={"queue": queue, "rooms": [room, f"other-{room}"]})
        assert made.status_code == 201, made.text
        doctor = await joined(bridge, room, RED)
        taken, left = await waits(bridge, queue, GREEN), await waits(bridge, queue, BLUE)
        try:
            with pytest.raises(RequestError, match="in_lobby"):
                await taken.publish(ToneTrack(GREEN), ColourTrack(GREEN))
            assert (await vendor.get(f"{bridge.url}/v1/queues/{queue}")).json()["waiting"] == 2
            assert await forwarded_bytes(doctor) == 0
            await doctor.request("take")
            await taken.notice(lambda said: said["type"] == "admitted")
            await taken.publish(ToneTrack(GREEN), ColourTrack(GREEN))
            await sees_and_hears(doctor, taken, GREEN)
            await sees_and_hears(taken, doctor, RED)
            stats = await left.request("get_stats")
            assert (stats["publish"], stats["subscribe"]) == (None, None)
            assert (await vendor.get(f"{bridge.url}/v1/queues/{queue}")).json()["waiting"] == 1
        finally:
            for participant in (taken, left, doctor):
                await participant.close()
