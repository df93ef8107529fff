"""The WebSocket door, by a real client over a real server."""

from __future__ import annotations

import json
import logging

import pytest
import websockets

from bridge.room import RoomLimits
from bridge.sfu import AudioLevel, ConnectionKind, ConnectionState, QualityLevel, QualityReport, UnsupportedSubscription
from bridge.signaling.websocket import IceServer, WebSocketSettings
from tests.signaling.house import open_house
from tests.signaling.signal_client import SignalClient

MICROPHONE = ("0", "audio", "microphone")
CAMERA = ("1", "video", "camera")


async def test_the_first_reply_tells_all_that_a_client_needs() -> None:
    settings = WebSocketSettings(ice_servers=(IceServer(("turn:turn.example:3478",), "user", "secret"),))
    async with open_house(websocket=settings) as house:
        ola = await house.joined("ola")
        await ola.publish(MICROPHONE)
        kari = await house.joined("kari")
        assert kari.joined["resumed"] is False
        assert kari.joined["session"]["grace_seconds"] == 30.0
        assert kari.joined["own_sources"] == []
        assert "publish_camera" in kari.joined["grants"]
        assert kari.joined["server"] == {"name": "bridge", "version": "0.1.0"}
        assert kari.joined["ice_servers"] == [
            {"urls": ["turn:turn.example:3478"], "username": "user", "credential": "secret"}
        ]
        (other,) = kari.joined["participants"]
        assert other["id"] == ola.joined["participant_id"]
        assert (other["name"], other["role"], other["state"]) == ("Name of ola", "fastlege", "connected")
        assert [source["source"] for source in other["sources"]] == ["microphone"]
        assert "identity" not in other


async def test_what_one_publishes_is_offered_to_the_others() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        published = await ola.publish(MICROPHONE, CAMERA)
        assert published["answer"] == "0 audio\n1 video"
        assert [(own["mid"], own["source"], own["kind"]) for own in published["sources"]] == [
            ("0", "microphone", "audio"),
            ("1", "camera", "video"),
        ]
        added = [await kari.expect("source_added") for _ in range(2)]
        offer = await kari.expect("subscribe_offer")
        assert [track["source_id"] for track in offer["tracks"]] == [notice["source"]["id"] for notice in added]
        assert {track["participant_id"] for track in offer["tracks"]} == {ola.joined["participant_id"]}
        assert (await kari.answer(offer))["type"] == "done"


async def test_who_joins_later_is_offered_what_there_is() -> None:
    async with open_house() as house:
        ola = await house.joined("ola")
        await ola.publish(MICROPHONE, CAMERA)
        kari = await house.joined("kari")
        offer = await kari.expect("subscribe_offer")
        assert [track["source"] for track in offer["tracks"]] == ["microphone", "camera"]
        told = await ola.expect("participant_joined")
        assert told["participant"]["id"] == kari.joined["participant_id"]


async def test_changes_wait_while_an_offer_is_outstanding() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        await ola.publish(MICROPHONE)
        first = await kari.expect("subscribe_offer")
        await ola.publish(MICROPHONE, CAMERA)
        await ola.publish(MICROPHONE, CAMERA, ("2", "video", "screen"))
        await kari.answer(first)
        second = await kari.expect("subscribe_offer")
        assert second["negotiation"] == first["negotiation"] + 1
        assert [track["source"] for track in second["tracks"]] == ["microphone", "camera", "screen"]
        stale = await kari.answer(first)
        assert stale["code"] == "stale_answer"
        assert (await kari.answer(second))["type"] == "done"


async def test_the_sound_of_a_screen_has_its_own_word() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        published = await ola.publish(("0", "video", "screen"), ("1", "audio", "screen_audio"))
        assert [own["source"] for own in published["sources"]] == ["screen", "screen_audio"]
        added = [await kari.expect("source_added") for _ in range(2)]
        assert [notice["source"]["source"] for notice in added] == ["screen", "screen_audio"]


async def test_what_is_not_taken_is_told_and_the_rest_goes_on() -> None:
    async with open_house(limits=RoomLimits(max_sources=1)) as house:
        ola = await house.joined("ola")
        reply = await ola.request(
            "publish",
            offer="0 audio\n1 video\n2 smell",
            sources=[{"mid": "0", "source": "microphone"}, {"mid": "7", "source": "camera"}],
        )
        assert [own["source"] for own in reply["sources"]] == ["microphone"]
        assert {(problem["mid"], problem["code"]) for problem in reply["rejected"]} == {
            ("1", "too_many_sources"),
            ("2", "unsupported_media"),
            ("7", "no_media"),
        }
        assert list(house.media_of(ola).producers) == ["0"]


async def test_a_muted_source_is_not_forwarded() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        (own,) = (await ola.publish(MICROPHONE))["sources"]
        (producer,) = house.media_of(ola).producers.values()
        assert (await ola.request("update_source", source_id=own["id"], muted=True))["type"] == "done"
        assert (await kari.expect("source_updated"))["source"]["muted"] is True
        assert house.media_of(ola).paused == {producer.producer_id}
        await ola.request("update_source", source_id=own["id"], muted=False)
        assert house.media_of(ola).paused == set()


async def test_a_track_may_be_switched_for_one_of_another_source() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        (own,) = (await ola.publish(CAMERA))["sources"]
        await ola.request("update_source", source_id=own["id"], source="screen")
        assert (await kari.expect("source_updated"))["source"]["source"] == "screen"
        refused = await ola.request("update_source", source_id=own["id"], source="microphone")
        assert refused["code"] == "wrong_kind"


async def test_what_a_thin_upload_makes_of_a_picture_is_told_and_kept_for_who_comes_later() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        microphone, camera = (await ola.publish(MICROPHONE, CAMERA))["sources"]
        assert [each["upload"] for each in (microphone, camera)] == ["full", "full"]
        assert (await ola.request("update_source", source_id=camera["id"], upload="stills"))["type"] == "done"
        assert (await kari.expect("source_updated"))["source"]["upload"] == "stills"
        late = await house.joined("per")
        sources = [source for each in late.joined["participants"] for source in each["sources"]]
        assert [(each["source"], each["upload"]) for each in sources] == [("microphone", "full"), ("camera", "stills")]
        refused = await ola.request("update_source", source_id=microphone["id"], upload="stills")
        assert (refused["code"], refused["field"]) == ("wrong_kind", "upload")


async def test_a_source_that_the_system_interrupts_is_told_and_kept_for_who_comes_later() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        (microphone,) = (await ola.publish(MICROPHONE))["sources"]
        assert microphone["interrupted"] is False
        assert (await ola.request("update_source", source_id=microphone["id"], interrupted=True))["type"] == "done"
        told = (await kari.expect("source_updated"))["source"]
        assert (told["interrupted"], told["muted"]) == (True, False)
        late = await house.joined("per")
        assert [source["interrupted"] for each in late.joined["participants"] for source in each["sources"]] == [True]
        assert house.media_of(ola).paused == set()
        await ola.request("update_source", source_id=microphone["id"], interrupted=False)
        assert (await kari.expect("source_updated"))["source"]["interrupted"] is False


async def test_unpublishing_needs_no_offer() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        published = await ola.publish(MICROPHONE, CAMERA)
        await kari.expect("subscribe_offer")
        await ola.request("unpublish", source_ids=[published["sources"][1]["id"]])
        assert (await kari.expect("source_removed"))["source_id"] == published["sources"][1]["id"]
        assert list(house.media_of(ola).producers) == ["0"]
        assert len(house.calls.table) == 1


async def test_sources_of_others_are_not_ones_own() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        (own,) = (await ola.publish(CAMERA))["sources"]
        refused = await kari.request("update_source", source_id=own["id"], muted=True)
        assert refused["code"] == "source_not_found"
        assert (await kari.request("unpublish", source_ids=[own["id"]]))["code"] == "source_not_found"
        assert (await ola.request("subscribe", source_ids=[own["id"]]))["code"] == "source_not_found"


async def test_subscribing_is_by_choice_where_joining_said_so() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari", subscribe="none")
        published = await ola.publish(MICROPHONE, CAMERA)
        camera = published["sources"][1]["id"]
        await kari.request("subscribe", source_ids=[camera])
        offer = await kari.expect("subscribe_offer")
        assert [track["source_id"] for track in offer["tracks"]] == [camera]
        await kari.answer(offer)
        await kari.request("update_subscription", source_id=camera, paused=True)
        assert [each.paused for each in house.media_of(kari).wanted] == [True]
        await kari.request("unsubscribe", source_ids=[camera])
        assert house.media_of(kari).wanted == []
        unknown = await kari.request("subscribe", source_ids=[camera, "999"])
        assert (unknown["code"], unknown["field"]) == ("source_not_found", "source_ids[1]")
        unknown = await kari.request("update_subscription", source_id="999", paused=True)
        assert (unknown["code"], unknown["field"]) == ("source_not_found", "source_id")


async def test_what_the_token_does_not_grant_is_refused() -> None:
    async with open_house() as house:
        ola = await house.joined("ola")
        await ola.publish(CAMERA)
        kari = await house.client()
        await kari.join("room kari publish_microphone")
        refused = await kari.publish(CAMERA)
        assert (refused["code"], refused["field"]) == ("not_granted", "sources[mid=1]")
        assert house.media_of(kari).producers == {}
        assert house.media_of(kari).wanted == []
        camera = kari.joined["participants"][0]["sources"][0]["id"]
        assert (await kari.request("subscribe", source_ids=[camera]))["code"] == "not_granted"


async def test_leaving_is_told_and_closes() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        media = house.media_of(kari)
        assert (await kari.request("leave"))["type"] == "done"
        assert await kari.closed() == (1000, "left")
        left = await ola.expect("participant_left")
        assert (left["participant_id"], left["reason"]) == (kari.joined["participant_id"], "left")
        assert media.closed


async def test_media_and_connections_are_told_about() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        (own,) = (await ola.publish(MICROPHONE))["sources"]
        offer = await kari.expect("subscribe_offer")
        (producer,) = house.media_of(ola).producers.values()
        media = house.media_of(kari)
        media.listener.on_audio_levels([AudioLevel(producer.producer_id, 30, True), AudioLevel(999, 0, True)])
        levels = (await kari.expect("audio_levels"))["levels"]
        assert levels == [
            {"participant_id": ola.joined["participant_id"], "source_id": own["id"], "level": 30, "voice": True}
        ]
        media.listener.on_active_speaker(producer.producer_id)
        speaker = await kari.expect("active_speaker")
        assert (speaker["participant_id"], speaker["source_id"]) == (ola.joined["participant_id"], own["id"])
        media.listener.on_active_speaker(None)
        assert (await kari.expect("active_speaker"))["participant_id"] is None
        media.listener.on_quality(QualityReport(None, QualityLevel.POOR, None, 2.345))
        for hears in (kari, ola):
            told = await hears.expect("quality")
            assert told["participant_id"] == kari.joined["participant_id"]
            assert (told["publish"], told["subscribe"], told["subscribe_mos"]) == (None, "poor", 2.3)
        media.connect(ConnectionKind.SUBSCRIBE)
        state = await kari.expect("connection_state")
        assert (state["connection"], state["state"]) == ("subscribe", "connected")
        media.listener.on_consumer(producer.producer_id, live=False)
        flow = await kari.expect("media_flow")
        assert (flow["source_id"], flow["direction"], flow["state"]) == (own["id"], "from_bridge", "stalled")
        house.media_of(ola).listener.on_producer(producer.producer_id, live=False)
        for client in (ola, kari):
            flow = await client.expect("media_flow")
            assert (flow["source_id"], flow["direction"], flow["state"]) == (own["id"], "to_bridge", "stalled")
        media.unsupported = (UnsupportedSubscription(producer.producer_id, "unsupported_codec", ("H264",)),)
        await kari.answer(offer)
        failed = await kari.expect("subscription_failed")
        assert (failed["source_id"], failed["code"]) == (own["id"], "unsupported_codec")
        assert "H264" in failed["message"]


async def test_a_late_comer_learns_what_does_not_reach_the_bridge() -> None:
    async with open_house() as house:
        ola = await house.joined("ola")
        (own,) = (await ola.publish(MICROPHONE))["sources"]
        (producer,) = house.media_of(ola).producers.values()
        house.media_of(ola).listener.on_producer(producer.producer_id, live=False)
        kari = await house.joined("kari")
        assert (await kari.expect("media_flow"))["source_id"] == own["id"]


async def test_a_muted_source_that_is_silent_is_no_news() -> None:
    async with open_house() as house:
        ola = await house.joined("ola")
        (own,) = (await ola.publish(MICROPHONE))["sources"]
        await ola.request("update_source", source_id=own["id"], muted=True)
        (producer,) = house.media_of(ola).producers.values()
        house.media_of(ola).listener.on_producer(producer.producer_id, live=False)
        assert (await ola.request("ping"))["type"] == "pong"
        assert ola.set_aside == []


async def test_ice_is_restarted_from_both_sides() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        await ola.publish(MICROPHONE)
        await kari.answer(await kari.expect("subscribe_offer"))
        await kari.request("restart_ice", connection="subscribe")
        await kari.answer(await kari.expect("subscribe_offer"))
        media = house.media_of(kari)
        assert media.ice_restarts == 1
        media.connect(ConnectionKind.SUBSCRIBE, ConnectionState.DISCONNECTED)
        await kari.expect("subscribe_offer")
        assert media.ice_restarts == 2
        media.connect(ConnectionKind.PUBLISH, ConnectionState.DISCONNECTED)
        assert (await kari.expect("ice_restart_requested"))["connection"] == "publish"


async def test_stats_speak_of_sources() -> None:
    async with open_house() as house:
        ola = await house.joined("ola")
        (own,) = (await ola.publish(MICROPHONE))["sources"]
        stats = await ola.request("get_stats")
        assert stats["subscribe"] is None
        assert stats["publish"]["protocol"] == "udp"
        (source,) = stats["publish"]["sources"]
        assert (source["source_id"], source["retransmissions"]) == (own["id"], 3)


async def test_the_subprotocol_is_selected_when_offered(caplog: pytest.LogCaptureFixture) -> None:
    async with open_house() as house:
        client = await SignalClient.connect(house.signal_url, subprotocols=["bridge.v0", "bridge.v1"])
        assert client.socket.subprotocol == "bridge.v1"
        await client.vanish()
        with pytest.raises(websockets.InvalidStatus) as refused:
            await SignalClient.connect(house.signal_url, subprotocols=["bridge.v9"])
        assert refused.value.response.status_code == 400
        assert json.loads(refused.value.response.body or b"")["code"] == "unsupported_subprotocol"
    # Strangers who are refused are no error of ours.
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_pages_of_other_origins_may_be_kept_out() -> None:
    async with open_house(websocket=WebSocketSettings(allowed_origins=("https://clinic.example",))) as house:
        client = await SignalClient.connect(house.signal_url, origin="https://clinic.example")
        await client.vanish()
        with pytest.raises(websockets.InvalidStatus) as refused:
            await SignalClient.connect(house.signal_url, origin="https://evil.example")
        assert refused.value.response.status_code == 403
