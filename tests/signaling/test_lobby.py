"""The lobby over the doors: no media, no roster, a place that is kept, and hosts who decide."""

from __future__ import annotations

import httpx

from bridge.sfu import VideoState
from tests.signaling.house import open_house
from tests.support.patience import PATIENCE

MICROPHONE = ("0", "audio", "microphone")
CAMERA = ("1", "video", "camera")


async def test_who_waits_has_no_media_and_sees_nobody() -> None:
    async with open_house() as house:
        doctor = await house.joined("doctor")
        await doctor.publish(MICROPHONE)
        patient = await house.patient("kari")
        assert patient.joined["participants"] == []
        assert patient.joined["lobby"]["position"] == 1
        assert patient.joined["lobby"]["host_present"] is True
        assert patient.joined["session"]["id"] not in house.plane.sessions
        assert (await patient.publish(MICROPHONE))["code"] == "in_lobby"
        assert (await patient.request("get_stats"))["publish"] is None
        ready = await doctor.expect("waiting_joined")
        assert ready["participant"]["name"] == "Name of kari"
        assert ready["participant"]["level"] == "idporten-loa-high"
        assert doctor.joined["waiting"] == []


async def test_who_is_let_in_learns_of_the_others_and_publishes() -> None:
    async with open_house() as house:
        doctor = await house.joined("doctor")
        await doctor.publish(MICROPHONE)
        patient = await house.patient("kari")
        waiting = await doctor.expect("waiting_joined")
        assert (await doctor.request("admit", participant_ids=[waiting["participant"]["id"]]))["type"] == "done"
        admitted = await patient.expect("admitted")
        assert [other["id"] for other in admitted["participants"]] == [doctor.joined["participant_id"]]
        assert "waiting" not in admitted
        offer = await patient.expect("subscribe_offer")
        assert (await patient.answer(offer))["type"] == "done"
        assert (await patient.publish(MICROPHONE))["type"] == "published"
        assert (await doctor.expect("waiting_left"))["reason"] == "admitted"
        joined = await doctor.expect("participant_joined")
        assert joined["participant"]["id"] == patient.joined["participant_id"]


async def test_what_the_room_does_is_not_told_to_the_lobby() -> None:
    async with open_house() as house:
        doctor, patient = await house.joined("doctor"), await house.patient("kari")
        await doctor.publish(MICROPHONE)
        other = await house.joined("other")
        await doctor.expect("participant_joined")
        await other.publish(MICROPHONE)
        await patient.request("ping")
        assert {message["type"] for message in patient.set_aside} <= {"lobby_changed"}


async def test_the_queue_moves_and_messages_come_through() -> None:
    async with open_house() as house:
        doctor = await house.joined("doctor")
        first, second = await house.patient("kari"), await house.patient("ola")
        assert second.joined["lobby"]["position"] == 2
        await doctor.request("message_lobby", notice="delayed", minutes=10)
        assert (await second.expect("lobby_message"))["message"]["minutes"] == 10
        await doctor.request("admit", participant_ids=[first.joined["participant_id"]])
        moved = await second.expect("lobby_changed")
        while moved["lobby"]["position"] == 2:
            moved = await second.expect("lobby_changed")
        assert moved["lobby"]["position"] == 1
        again = await house.patient("ola")
        assert again.joined["participant_id"] == second.joined["participant_id"]
        assert [message["minutes"] for message in again.joined["lobby"]["messages"]] == [10]
        assert await second.closed() == (4409, "replaced")


async def test_who_is_sent_back_loses_all_media() -> None:
    async with open_house() as house:
        doctor, patient = await house.joined("doctor"), await house.patient("kari")
        await doctor.request("admit")
        await patient.expect("admitted")
        await patient.publish(MICROPHONE)
        media = house.media_of(patient)
        await doctor.request("send_to_lobby", participant_id=patient.joined["participant_id"])
        assert (await patient.expect("sent_to_lobby"))["lobby"]["position"] == 1
        assert (await doctor.expect("participant_left"))["reason"] == "sent_back"
        assert (await patient.publish(MICROPHONE))["code"] == "in_lobby"
        assert media.closed
        await doctor.request("admit")
        await patient.expect("admitted")
        assert house.media_of(patient) is not media
        assert (await patient.publish(MICROPHONE))["type"] == "published"


async def test_who_is_sent_back_hears_nothing_more_of_the_rooms_pictures() -> None:
    async with open_house() as house:
        doctor, patient = await house.joined("doctor"), await house.patient("kari")
        await doctor.request("admit")
        await patient.expect("admitted")
        await doctor.publish(CAMERA)
        await patient.answer(await patient.expect("subscribe_offer"))
        (producer,) = house.media_of(patient).wanted
        listener = house.media_of(patient).listener
        await doctor.request("send_to_lobby", participant_id=patient.joined["participant_id"])
        await patient.expect("sent_to_lobby")
        # What the media session still tells when it has been let go of.
        listener.on_video_state(producer.producer_id, VideoState.PAUSED)
        await patient.request("ping")
        assert "video_state" not in {message["type"] for message in patient.set_aside}


async def test_refused_removed_and_ended_are_told_apart() -> None:
    async with open_house() as house:
        doctor, patient = await house.joined("doctor"), await house.patient("kari")
        await doctor.request("refuse", participant_id=patient.joined["participant_id"])
        assert (await patient.expect("closing"))["retry"] is False
        assert await patient.closed() == (4403, "refused")
        patient = await house.patient("kari")
        await doctor.request("admit")
        await doctor.request("remove", participant_id=patient.joined["participant_id"])
        assert await patient.closed() == (4410, "removed")
        back = await house.client()
        assert (await back.request("join", token="room kari patient"))["code"] == "banned"
        await doctor.send("end_call")
        assert await doctor.closed() == (4410, "ended")


async def test_a_denied_decision_names_the_grant() -> None:
    async with open_house() as house:
        doctor, patient = await house.joined("doctor"), await house.patient("kari")
        assert (await patient.request("admit"))["code"] == "in_lobby"
        await doctor.request("admit")
        denied = await patient.request("lock", locked=True)
        assert (denied["code"], denied["grant"]) == ("not_granted", "host")


async def test_a_host_mutes_and_stops_and_asks() -> None:
    async with open_house() as house:
        doctor, patient = await house.joined("doctor"), await house.patient("kari")
        await doctor.request("admit")
        await patient.expect("admitted")
        microphone, screen = (await patient.publish(MICROPHONE, ("1", "video", "screen")))["sources"]
        await doctor.request("mute", source_id=microphone["id"])
        assert (await patient.expect("muted_by_host"))["source_id"] == microphone["id"]
        assert len(house.media_of(patient).paused) == 1
        await doctor.request("ask_to_unmute", participant_id=patient.joined["participant_id"])
        assert (await patient.expect("unmute_asked"))["participant_id"] == doctor.joined["participant_id"]
        await patient.request("update_source", source_id=microphone["id"], muted=False)
        assert not house.media_of(patient).paused
        await doctor.request("stop_screen", participant_id=patient.joined["participant_id"])
        assert (await patient.expect("stopped_by_host"))["source_id"] == screen["id"]
        assert list(house.media_of(patient).producers) == ["0"]


async def test_the_office_is_handed_over_and_the_lobby_with_it() -> None:
    async with open_house() as house:
        doctor, other = await house.joined("doctor"), await house.client()
        await other.join("room other subscribe")
        await house.patient("kari")
        await doctor.request("hand_over", participant_id=other.joined["participant_id"])
        told = await other.expect("grants_changed")
        assert "host" in told["grants"]
        assert [each["name"] for each in told["waiting"]] == ["Name of kari"]
        lost = await doctor.expect("grants_changed")
        assert "host" not in lost["grants"]
        assert (await doctor.request("admit"))["grant"] == "host"
        assert (await other.request("admit"))["type"] == "done"


async def test_whip_asks_again_until_a_host_has_let_it_in() -> None:
    async with open_house() as house, httpx.AsyncClient(base_url=house.url, timeout=PATIENCE) as http:

        async def knock() -> httpx.Response:
            headers = {"Authorization": "Bearer room nav patient", "Content-Type": "application/sdp"}
            return await http.post("/whip/room", headers=headers, content="0 audio")

        doctor = await house.joined("doctor")
        first = await knock()
        assert (first.status_code, first.json()["code"]) == (409, "in_lobby")
        assert "retry-after" in first.headers
        ready = await doctor.expect("waiting_joined")
        assert (await knock()).status_code == 409
        assert len(house.rooms.waiting("clinic/room")) == 1
        await doctor.request("admit", participant_ids=[ready["participant"]["id"]])
        assert (await knock()).status_code == 201
