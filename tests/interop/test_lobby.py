"""Who waits sends nothing into the room and receives nothing of it: held against the packets of real clients."""

from __future__ import annotations

import pytest

from tests.interop.test_room_of_three import joined, sees_and_hears
from tests.support.bridge import Bridge
from tests.support.media import GREEN, RED, ColourTrack, ToneTrack
from tests.support.participant import Participant, RequestError
from tests.support.silence import silence


def patient_of(bridge: Bridge, room: str) -> Participant:
    more = ("--name", "Green", "--enters", "lobby", "--level", "idporten-loa-high")
    return Participant(bridge.ws_url, bridge.token(room, "green", "pasient", *more))


async def received_packets(participant: Participant) -> int:
    """RTP packets that a client got on its subscribe connection, as aiortc counts them."""
    report = await participant.subscribe_peer.getStats()
    return sum(entry.packetsReceived for entry in report.values() if entry.type == "inbound-rtp")


async def forwarded_bytes(participant: Participant) -> int:
    """Bytes that the bridge sent a client of the others, as the bridge counts them."""
    stats = await participant.request("get_stats")
    return 0 if stats["subscribe"] is None else sum(source["bytes"] for source in stats["subscribe"]["sources"])


async def test_the_lobby_is_not_connected_to_the_room(bridge: Bridge, room: str) -> None:
    doctor = await joined(bridge, room, RED)
    patient = patient_of(bridge, room)
    try:
        await patient.join()
        assert patient.joined["lobby"]["position"] == 1
        with pytest.raises(RequestError, match="in_lobby"):
            await patient.publish(ToneTrack(GREEN), ColourTrack(GREEN))
        assert await patient.request("get_stats") | {"reply_to": 0} == {
            "type": "stats", "reply_to": 0, "publish": None, "subscribe": None,
        }  # fmt: skip
        assert await forwarded_bytes(doctor) == 0
    finally:
        await patient.close()
        await doctor.close()


async def test_who_is_let_in_is_seen_and_who_is_sent_back_neither_sends_nor_receives(bridge: Bridge, room: str) -> None:
    doctor = await joined(bridge, room, RED)
    patient = patient_of(bridge, room)
    try:
        await patient.join()
        await doctor.request("admit")
        await patient.notice(lambda said: said["type"] == "admitted")
        await patient.publish(ToneTrack(GREEN), ColourTrack(GREEN))
        await sees_and_hears(doctor, patient, GREEN)
        await sees_and_hears(patient, doctor, RED)
        await doctor.request("send_to_lobby", participant_id=patient.id)
        await patient.notice(lambda said: said["type"] == "sent_to_lobby")

        async def of_both() -> tuple[int, int]:
            return await received_packets(patient), await received_packets(doctor)

        # What was on its way has time to arrive; aiortc goes on sending all the same.
        await silence(of_both)
        assert (await patient.request("get_stats"))["publish"] is None
    finally:
        await patient.close()
        await doctor.close()
